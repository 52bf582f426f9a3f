import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

/** One command of a document with the answer printed below it; `status` is null where none is printed. */
export interface Example {
  command: string;
  status: number | null;
  answer: string;
}

/** The result of a command: the status of its last HTTP response, and its output. */
export interface Outcome {
  status: number | null;
  answer: string;
}

/**
 * The commands of all `console` blocks, in order. A command begins with `$ ` and goes on after a backslash at
 * the end of a line; below it come `# <status>` and the answer.
 */
export function examplesOf(markdown: string): Example[] {
  const blocks = [...markdown.matchAll(/^```console\n([\s\S]*?)^```$/gm)].map((block) => block[1]!);
  return blocks.flatMap((block) => {
    const parts = block.split(/^\$ /m);
    if (parts[0] !== '') throw new Error(`A console block begins with a command, not with: ${parts[0]}`);
    return parts.slice(1).map(exampleOf);
  });
}

/** One `$ ` part of a block. */
function exampleOf(part: string): Example {
  const command = /^(?:.*\\\n)*.*/.exec(part)![0];
  const [, status, answer] = /^\n(?:# (\d{3})\n)?([\s\S]*)$/.exec(part.slice(command.length))!;
  return { command, status: status ? Number(status) : null, answer: answer!.trim() };
}

// Values that differ in every run, by their shape.
const VOLATILE: [RegExp, string][] = [
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '<time>'],
  [/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, '<uuid>'],
  [/\b[0-9a-f]{32}\b/g, '<trace id>'],
  [/expires=\d{10}&signature=[\w-]{43}/g, '<link>'],
  [/\b\d{15}@lid\b/g, '<lid>'],
  [/3EB0[0-9A-F]{18}\b/g, '<stanza>'],
  [/"next":"[\w-]+"/g, '"next":<page>'],
  [/"2@[0-9A-F]{40},[^"]*"/g, '<qr>'],
  [/"(uptime|timestamp|tokens)":\d+(\.\d+)?/g, '"$1":<number>'],
];

/** An answer without layout and without values that differ in every run, for comparison. */
export function essence(answer: string): string {
  return VOLATILE.reduce((text, [shape, name]) => text.replace(shape, name), compact(answer.trim()));
}

/** JSON without spaces; anything else as it is. */
function compact(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return text;
  }
}

/** Whether the programs that the commands use are installed. */
export function hasShell(): boolean {
  return spawnSync('bash', ['-c', 'command -v curl']).status === 0;
}

/** A bash that keeps its variables between commands, with a `curl` that also records the status. */
export class Shell {
  readonly #bash: ChildProcessByStdio<Writable, Readable, null>;
  readonly #headers: string;

  /** @param folder where the commands run */
  constructor(folder: string) {
    this.#headers = join(folder, 'headers');
    this.#bash = spawn('bash', ['--norc'], { cwd: folder, stdio: ['pipe', 'pipe', 'ignore'] });
    this.#bash.stdout.setEncoding('utf8');
    this.#bash.stdin.write(`curl() { command curl -D '${this.#headers}' "$@"; }\n`);
  }

  /** Runs one command. */
  async run(command: string): Promise<Outcome> {
    await rm(this.#headers, { force: true });
    this.#bash.stdin.write(`${command}\nprintf '\\0'\n`);
    let answer = '';
    while (!answer.endsWith('\0')) answer += String((await once(this.#bash.stdout, 'data'))[0]);
    const headers = await readFile(this.#headers, 'utf8').catch(() => '');
    const status = /^HTTP\/\S+ (\d{3})/.exec(headers);
    return { status: status ? Number(status[1]) : null, answer: answer.slice(0, -1).trim() };
  }

  async close(): Promise<void> {
    const exited = once(this.#bash, 'exit');
    this.#bash.stdin.end();
    await exited;
  }
}
