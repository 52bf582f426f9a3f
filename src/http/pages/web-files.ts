import { readFile } from 'node:fs/promises';

const WEB = new URL('../../../web/', import.meta.url);
const read = new Map<string, Promise<string>>();

/** A source file of the browser pages that answers are made of, by path below `web/`; read once. */
export function webFile(path: string): Promise<string> {
  const known = read.get(path) ?? readFile(new URL(path, WEB), 'utf8');
  read.set(path, known);
  known.catch(() => read.delete(path));
  return known;
}
