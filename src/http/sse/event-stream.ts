import type { Response } from 'express';

const HEARTBEAT_MS = 15_000;
/** Bytes that may wait for a slow reader before it is cut off; it comes back to a fresh snapshot. */
const MAX_BACKLOG = 1_000_000;

/** One Server-Sent Event; `id` is what the reader comes back with as `Last-Event-ID`. */
export interface SentEvent {
  event: string;
  data: unknown;
  id?: number;
}

/**
 * One reader of Server-Sent Events: a comment every 15 s, cut off when it falls behind, ended when it leaves or
 * `stopping` is aborted. Whatever was attached for it is released by `onClose`.
 *
 * @example const stream = new EventStream(res, stopping); stream.send([{ event: 'state', data }]);
 */
export class EventStream {
  readonly #res: Response;

  constructor(res: Response, stopping?: AbortSignal) {
    this.#res = res;
    const end = () => this.end();
    const heartbeat = setInterval(() => this.#write(': still here\n\n'), HEARTBEAT_MS);
    stopping?.addEventListener('abort', end, { once: true });
    this.onClose(() => {
      clearInterval(heartbeat);
      stopping?.removeEventListener('abort', end);
    });
    // A proxy that buffers would hold the events back.
    res.set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' });
    if (res.req.method === 'HEAD') this.end();
    else res.write('retry: 2000\n\n');
  }

  /** Writes events as one frame. */
  send(events: SentEvent[]): void {
    if (events.length > 0) this.#write(events.map(textOf).join(''));
  }

  /** Ends the stream after what was written. */
  end(): void {
    this.#res.end();
  }

  /** Runs once, when the reader is gone for whatever reason. */
  onClose(release: () => void): void {
    this.#res.once('close', release);
  }

  /** Writes, or closes the connection of a reader that is a megabyte behind. */
  #write(text: string): void {
    // Between the end and the close things still happen, most of all while the service stops.
    if (this.#res.writableEnded) return;
    if (this.#res.writableLength > MAX_BACKLOG) this.#res.destroy();
    else this.#res.write(text);
  }
}

/** An event as it goes over the wire. */
function textOf({ event, data, id }: SentEvent): string {
  return `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
}
