import { readFile } from 'node:fs/promises';

const ROOT = new URL('../../', import.meta.url);

/** Reads a file of the project. */
export const read = (path: string) => readFile(new URL(path, ROOT), 'utf8');

/** The pages in two languages, by their name in English. */
export const TRANSLATED = [
  'README.md',
  'docs/api-tour.md',
  'docs/messages.md',
  'docs/chats.md',
  'docs/webhooks.md',
  'docs/cloud-api.md',
  'docs/webhooks.md',
  'docs/errors.md',
  'docs/ai-backend.md',
  'docs/ai-platforms.md',
  'docs/mcp.md',
  'docs/testing.md',
  'docs/configuration.md',
  'docs/postgres.md',
  'docs/deployment.md',
  'docs/observing.md',
  'docs/troubleshooting.md',
  'docs/limits.md',
  'docs/development.md',
];

/** The Indonesian page of an English one. */
export const inIndonesian = (path: string) =>
  path === 'README.md' ? 'README.id.md' : path.replace(/^docs\//, 'docs/id/');

/** A page without its code blocks. */
export const withoutCode = (page: string) => page.replace(/^```[\s\S]*?^```$/gm, '');

/** The rows of a page's table that has this first column, as cells without the header and without code quotes. */
export function tableOf(page: string, firstColumn: string): string[][] {
  const table = new RegExp(`^\\| ${firstColumn} \\|.*\\n\\|[-|]+\\|\\n((?:\\|.*\\n)+)`, 'm').exec(page);
  if (!table) throw new Error(`No table begins with a column “${firstColumn}”.`);
  const rows = table[1]!.trim().split('\n');
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}
