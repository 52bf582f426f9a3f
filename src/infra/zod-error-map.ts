import type { z } from 'zod';

/** Names of types for authors of JSON. */
const TYPES: Record<string, string> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

type RawIssue = Parameters<z.core.$ZodErrorMap>[0];

/** The text of a violated bound, of a value or of its length. */
function boundWords(origin: string, word: 'at least' | 'at most', bound: number | bigint): string {
  if (origin === 'string') return bound === 1 ? 'must not be empty' : `must have ${word} ${bound} characters`;
  if (origin === 'array' || origin === 'set') return `must have ${word} ${bound} entries`;
  return `must be ${word} ${bound}`;
}

/** The values that a field may have. */
function oneOf(values: readonly unknown[]): string {
  const words = values.filter((value) => value !== undefined).map(String);
  return words.length > 2 ? `must be one of ${words.join(', ')}` : `must be ${words.join(' or ')}`;
}

/** The alternatives of a union, with one `must be` for all. */
function anyOf(errors: z.core.$ZodIssue[][]): string {
  const ways = errors.flatMap(([first]) => (first ? [first.message.replace(/^must be /, '')] : []));
  return `must be ${[...new Set(ways)].join(' or ')}`;
}

/**
 * Texts of zod's issues, of requests and of the configuration; they continue the field's name. Schemas with their own
 * texts keep them.
 *
 * @example schema.safeParse({}, { error: zodErrorMap }) // to: 'is missing'
 */
export function zodErrorMap(issue: RawIssue): string | undefined {
  if ((issue.code === 'invalid_type' || issue.code === 'invalid_union') && issue.input === undefined) {
    return 'is missing';
  }
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${TYPES[issue.expected] ?? issue.expected}`;
    case 'too_small':
      return issue.inclusive === false
        ? `must be more than ${issue.minimum}`
        : boundWords(issue.origin, 'at least', issue.minimum);
    case 'too_big':
      return boundWords(issue.origin, 'at most', issue.maximum);
    case 'invalid_format':
      return issue.format === 'url' ? 'must be a URL' : undefined;
    case 'invalid_value':
      return oneOf(issue.values);
    case 'invalid_union':
      return Array.isArray(issue.options) ? oneOf(issue.options) : anyOf(issue.errors);
    default:
      return undefined;
  }
}

/** The faults that zod found in a value, by path, in our texts; each unknown field is one. */
export function faultsOf({ issues }: z.core.$ZodError): { path: string; message: string }[] {
  return issues.flatMap((issue) => {
    const path = issue.path.map(String);
    if (issue.code !== 'unrecognized_keys') return [{ path: path.join('.'), message: issue.message }];
    return issue.keys.map((key) => ({
      path: [...path, key.slice(0, 100)].join('.'),
      message: 'is not a known field',
    }));
  });
}
