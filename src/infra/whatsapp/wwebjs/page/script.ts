import { readFile } from 'node:fs/promises';
import { BINDINGS } from './bindings.ts';

/** The function of the page that reports to the service. */
export const REPORTER = 'gatewayReport';

/** In the order in which they build on each other. */
const MODULES = [
  'core',
  'people',
  'repairs',
  'media',
  'contents',
  'changes',
  'downloads',
  'sending',
  'signals',
  'receiving',
  'presence',
  'chats',
  'linking',
  'self-check',
];

/** A module's text as a part of one script: the names that it imports and exports are in one scope. */
async function part(name: string): Promise<string> {
  const text = await readFile(new URL(`./${name}.js`, import.meta.url), 'utf8');
  return text.replace(/^import [^;]*;$/gm, '').replace(/^export /gm, '');
}

/**
 * The page layer as one script, to be run in each document before the page's own. The modules are read as text: what a
 * build adds to functions must not get into the page.
 */
export async function pageScript(): Promise<string> {
  const parts = await Promise.all(MODULES.map(part));
  return `((declared, reporter) => {
'use strict';
if (window !== window.top || window.gatewayPage) return;
${parts.join('\n')}
})(${JSON.stringify(BINDINGS)}, ${JSON.stringify(REPORTER)});`;
}
