import type { Issue } from './error-handler.ts';

/** More nesting and fields than legitimate bodies have. */
const MAX_DEPTH = 20;
const MAX_KEYS = 50;

const LONE_SURROGATE = /\p{Surrogate}/u;

/** Why a text can't be stored or sent on, or null: Postgres refuses NUL, UTF-8 has no lone surrogates. */
function textFault(text: string): string | null {
  if (text.includes('\0')) return 'must not contain a NUL character';
  return LONE_SURROGATE.test(text) ? 'must be well-formed Unicode' : null;
}

/** The fault of an object's keys, or null. */
function keysFault(keys: string[]): string | null {
  if (keys.length > MAX_KEYS) return `must have at most ${MAX_KEYS} fields`;
  if (keys.includes('__proto__')) return 'must not have a field of this name: __proto__';
  for (const key of keys) {
    const fault = textFault(key);
    if (fault) return `field name ${fault}`;
  }
  return null;
}

/**
 * The first fault of a parsed JSON value, whatever its schema: too deep, too wide, or text that is not well-formed.
 * Recursion stops at `MAX_DEPTH`, so that a body of 100,000 brackets costs nothing.
 *
 * @returns null when there is none.
 */
export function jsonFault(value: unknown, path: string[] = []): Issue | null {
  const at = path.join('.');
  if (typeof value === 'string') {
    const message = textFault(value);
    return message ? { path: at, message } : null;
  }
  if (typeof value !== 'object' || value === null) return null;
  if (path.length >= MAX_DEPTH)
    return { path: at.slice(0, 200), message: `must not nest deeper than ${MAX_DEPTH}` };
  const isList = Array.isArray(value);
  const message = isList ? null : keysFault(Object.keys(value));
  if (message) return { path: at, message };
  for (const [key, inner] of Object.entries(value)) {
    const fault = jsonFault(inner, [...path, key.slice(0, 100)]);
    if (fault) return fault;
  }
  return null;
}
