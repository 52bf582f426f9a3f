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
 * The records on disk, one JSON object a line. A record is written synchronously before its change is visible: a
 * kill -9 of the process loses none (a power cut may).
 */
export class Journal {
  readonly #path: string;
  #file: number | null = null;
  /** Lines of the change that `together` is making. */
  #held: string[] | null = null;

  constructor(path: string) {
    this.#path = path;
    mkdirSync(dirname(path), { recursive: true });
  }

  /** All records, without a last line that a kill cut off. @throws Error naming a broken line */
  read(): StoreRecord[] {
    if (!existsSync(this.#path)) return [];
    const lines = readFileSync(this.#path, 'utf8').split('\n');
    // After the last newline comes nothing, or a line that was being written.
    lines.pop();
    return lines.map((line, index) => {
      try {
        return recordSchema.parse(JSON.parse(line));
      } catch (cause) {
        throw new Error(
          `The sandbox journal is broken at line ${index + 1}: delete it to start with an empty network.`,
          {
            cause,
          },
        );
      }
    });
  }

  /** Replaces the file atomically. */
  rewrite(records: Iterable<StoreRecord>): void {
    this.close();
    const next = `${this.#path}.next`;
    let text = '';
    for (const record of records) text += `${JSON.stringify(record)}\n`;
    writeFileSync(next, text);
    renameSync(next, this.#path);
    this.#file = openSync(this.#path, 'a');
  }

  append(record: StoreRecord): void {
    const line = `${JSON.stringify(record)}\n`;
    if (this.#held) this.#held.push(line);
    else this.#write(line);
  }

  /** Writes the records of a synchronous change at once, when `change` returns. */
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
