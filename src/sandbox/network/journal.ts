import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { recordSchema, type StoreRecord } from './records.ts';

/**
 * The records on disk, one JSON object a line. A record is written before its change is told to anybody, and
 * synchronously: a kill -9 of the process loses none (the kernel has it; only a power cut would).
 */
export class Journal {
  readonly #path: string;
  #file: number | null = null;
  /** Lines of a change that is made of several records, while it is being made. */
  #held: string[] | null = null;

  constructor(path: string) {
    this.#path = path;
    mkdirSync(dirname(path), { recursive: true });
  }

  /** All records; a last line that was cut off by a kill is left out. @throws Error naming a broken line */
  read(): StoreRecord[] {
    if (!existsSync(this.#path)) return [];
    const lines = readFileSync(this.#path, 'utf8').split('\n');
    // What follows the last newline is either nothing or a line that was being written.
    lines.pop();
    return lines.map((line, index) => {
      try {
        return recordSchema.parse(JSON.parse(line));
      } catch (cause) {
        throw new Error(`The sandbox journal is broken at line ${index + 1}: delete it to start afresh.`, {
          cause,
        });
      }
    });
  }

  /** Replaces the file by these records, in one step. */
  rewrite(records: Iterable<StoreRecord>): void {
    this.close();
    const next = `${this.#path}.next`;
    let text = '';
    for (const record of records) text += `${JSON.stringify(record)}\n`;
    writeFileSync(next, text);
    renameSync(next, this.#path);
    this.#file = openSync(this.#path, 'a');
  }

  /** Adds a record; on disk (as far as a process can tell) when it returns. */
  append(record: StoreRecord): void {
    const line = `${JSON.stringify(record)}\n`;
    if (this.#held) this.#held.push(line);
    else this.#write(line);
  }

  /** Writes the records of one change together, when `change` returns: it must not wait for anything. */
  together(change: () => void): void {
    if (this.#held) {
      change();
      return;
    }
    const held: string[] = [];
    this.#held = held;
    try {
      change();
    } finally {
      this.#held = null;
      if (held.length > 0) this.#write(held.join(''));
    }
  }

  /** Adds to the file. */
  #write(text: string): void {
    this.#file ??= openSync(this.#path, 'a');
    writeSync(this.#file, text);
  }

  /** Closes the file; a later append opens it again. */
  close(): void {
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
  }
}
