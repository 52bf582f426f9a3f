import { z } from 'zod';
import { GatewayError } from '../../../actors/errors.ts';

// What the sandbox's control API takes. Numbers are digits, `+…`, or JIDs.

const number = z
  .string()
  .regex(
    /^(\+?[\d\s-]{6,20}|\d{6,15}@(c\.us|s\.whatsapp\.net)|\d{6,20}@lid)$/,
    'must be a number like 62811…',
  );
const chat = z.string().min(1).max(128);
const text = z.string().min(1).max(65_536);

export const SCAN = z.strictObject({
  /** Whose phone; default: a number made from the agentId. */
  number: number.optional(),
  name: z.string().min(1).max(64).optional(),
  /** Another QR than the current one: to try an expired or a used one. */
  qr: z.string().min(1).optional(),
});

export const MESSAGE = z
  .strictObject({
    from: number,
    /** The customer's name. */
    name: z.string().min(1).max(64).optional(),
    text: z.string().max(65_536).default(''),
    /** A group's JID, or a name: the group is made when there is none of it. */
    group: chat.optional(),
    /** Mentions the agent. */
    mention: z.boolean().default(false),
    /** Base64 or a data URL. */
    image: z
      .string()
      .transform((data) => data.replace(/^data:[^,]*,/, ''))
      .pipe(z.base64())
      .optional(),
    quoteId: chat.optional(),
    /** The customer is seen as `…@lid`. */
    byLid: z.boolean().optional(),
  })
  .refine((message) => message.text !== '' || message.image !== undefined, {
    path: ['text'],
    message: 'must not be empty without an image',
  });

export const STATUS = z.strictObject({ from: number, text });

export const CHANNEL = z.strictObject({
  channel: z
    .string()
    .regex(/^\d+@newsletter$/)
    .default('120363000000000001@newsletter'),
  text,
});

/** The customer (or the whole group's member) reads what the agent wrote. */
export const READ = z.strictObject({ from: number, group: chat.optional() });

export const TYPING = z.strictObject({
  from: number,
  typing: z.boolean().default(true),
  group: chat.optional(),
});

export const NETWORK = z
  .strictObject({
    /** True: until restored; a number: for so many milliseconds. */
    drop: z.union([z.literal(true), z.int().positive().max(3_600_000)]).optional(),
    restore: z.literal(true).optional(),
    latencyMs: z.int().nonnegative().max(600_000).optional(),
    /** 0…1 */
    failureRate: z.number().min(0).max(1).optional(),
    freeze: z.boolean().optional(),
    state: z
      .string()
      .regex(/^[A-Z_]{2,40}$/)
      .optional(),
    crash: z.literal(true).optional(),
  })
  .refine((faults) => Object.keys(faults).length > 0, { message: 'name at least one fault' });

/** Makes a group, or gives the one with this `id` another name and other members. */
export const GROUP = z.strictObject({
  id: z
    .string()
    .regex(/^[\d-]+@g\.us$/)
    .optional(),
  name: z.string().min(1).max(64),
  participants: z.array(number).min(1).max(1_024),
});

/** A chat on somebody's phone, by its JID. */
export const CHAT = z.strictObject({ chat });

/** Whose phone a path is about. */
export const PERSON = z.object({ number });

/** An action that needs nothing said. */
export const NOTHING = z.strictObject({});

export const RESET = z.strictObject({ seed: z.string().min(1).max(64).optional() });
export const CLOCK = z.strictObject({ advanceMs: z.int().positive().max(86_400_000) });
export const MESSAGES_QUERY = z.strictObject({
  chat: chat.optional(),
  limit: z.coerce.number().int().positive().max(1_000).default(100),
});
export const WIRE_QUERY = z.strictObject({ since: z.coerce.number().int().nonnegative().default(0) });

/**
 * Parses what a caller sent.
 * @throws GatewayError INVALID_PAYLOAD with `details.issues`: `{path, message}` each
 */
export function parse<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message }));
  throw new GatewayError('INVALID_PAYLOAD', 'The request does not fit; see details.', {
    details: { issues },
  });
}
