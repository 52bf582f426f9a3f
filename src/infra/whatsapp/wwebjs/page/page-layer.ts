import type { Page } from 'puppeteer';
import { z } from 'zod';

const failure = z.object({
  name: z.string(),
  message: z.string(),
  code: z.string().optional(),
  /** How far a hand-over had come: before it nothing has left. */
  stage: z.enum(['preparation', 'hand-over']).optional(),
  /** The binding that is missing. */
  missing: z.string().optional(),
  /** Own properties of the error, where the page keeps its meaning. */
  own: z.record(z.string(), z.unknown()).default({}),
});
const answer = z.union([z.object({ error: failure }), z.object({ value: z.unknown() })]);

/** An action failed in the page, which caught the error and says what it knows. */
export class PageFailure extends Error {
  readonly code: string | undefined;
  readonly stage: 'preparation' | 'hand-over' | undefined;
  readonly missing: string | undefined;

  constructor({ name, message, code, stage, missing, own }: z.infer<typeof failure>) {
    const properties = Object.keys(own).length > 0 ? ` ${JSON.stringify(own)}` : '';
    super(`${name}: ${message}${properties}`);
    this.name = 'PageFailure';
    this.code = code;
    this.stage = stage;
    this.missing = missing;
  }
}

/** What the scripts of the page layer put into the page. */
interface Offered {
  gatewayPage?: { run(action: string, ...args: unknown[]): Promise<unknown> };
}

/** A document in which the page layer is not (yet) there: nothing was done. */
const ABSENT = {
  error: { name: 'Error', message: 'the page is not loaded', code: 'ABSENT', stage: 'preparation' },
};

/**
 * Runs an action of the page layer and checks the shape of what it gives back.
 * @throws PageFailure what the page says, or puppeteer's error when the page went away meanwhile
 */
export async function runInPage<T>(
  page: Page,
  action: string,
  shape: z.ZodType<T>,
  ...args: unknown[]
): Promise<T> {
  const result = await page.evaluate(
    (name: string, ...given: unknown[]) =>
      (globalThis as Offered).gatewayPage?.run(name, ...given) ?? Promise.resolve(undefined),
    action,
    ...args,
  );
  const parsed = answer.parse(result ?? ABSENT);
  if ('error' in parsed) throw new PageFailure(parsed.error);
  return shape.parse(parsed.value);
}
