import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A line of the service's log. */
export interface Line {
  event: string;
  /** ISO 8601. */
  time: string;
  [field: string]: unknown;
}

const CHUNK_BYTES = 1 << 20;
const POLL_MS = 20;

/** Follows the log file of a running service. */
export class LogTail {
  readonly #path: string;
  readonly #service: ChildProcess;
  readonly #chunk = Buffer.alloc(CHUNK_BYTES);
  #read = 0;
  #rest = '';

  constructor(path: string, service: ChildProcess) {
    this.#path = path;
    this.#service = service;
  }

  /** The lines since the last call. */
  lines(): Line[] {
    const file = openSync(this.#path, 'r');
    try {
      for (let size = this.#next(file); size > 0; size = this.#next(file)) {
        this.#read += size;
        this.#rest += this.#chunk.toString('utf8', 0, size);
      }
    } finally {
      closeSync(file);
    }
    const lines = this.#rest.split('\n');
    this.#rest = lines.pop()!;
    return lines.map((line) => JSON.parse(line) as Line);
  }

  /** Waits for the first line of an event; the lines before it are dropped. @throws Error after the time limit */
  async event(name: string, ms: number): Promise<Line> {
    return this.#until(ms, (lines) => lines.find((line) => line.event === name));
  }

  /** Waits until `agents` agents have connected; returns the time of the last, epoch ms. */
  async connected(agents: number, ms: number): Promise<number> {
    let count = 0;
    return this.#until(ms, (lines) => {
      const connections = lines.filter((line) => line.event === 'session.state' && line.to === 'connected');
      count += connections.length;
      return count < agents ? undefined : Date.parse(connections.at(-1)!.time);
    });
  }

  /** Reads the next piece of the file into the buffer; returns its bytes. */
  #next(file: number): number {
    return readSync(file, this.#chunk, 0, CHUNK_BYTES, this.#read);
  }

  /** Polls until `found` returns a value. @throws Error after the time limit */
  async #until<T>(ms: number, found: (lines: Line[]) => T | undefined): Promise<T> {
    for (const end = performance.now() + ms; performance.now() < end; await sleep(POLL_MS)) {
      const hit = found(this.lines());
      if (hit !== undefined) return hit;
      if (this.#service.exitCode !== null) break;
    }
    throw new Error('The service did not log the awaited event.');
  }
}
