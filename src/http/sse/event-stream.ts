import type { Response } from 'express';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';

const HEARTBEAT_MS = 15_000;
const RECONNECT_MS = 2_000;
/** Bytes that may wait for a slow reader before it is disconnected; it reconnects to a fresh snapshot. */
const MAX_BACKLOG = 1_000_000;

/** One Server-Sent Event; a reader that reconnects sends the last `id` as `Last-Event-ID`. */
export interface SentEvent {
  event: string;
  data: unknown;
  id?: number;
}

/**
 * Writes Server-Sent Events to one reader, with a comment every 15 s. Disconnects a reader that falls behind; ends when
 * the reader leaves or `stopping` is aborted.
 *
 * @example
 * const stream = new EventStream(res, stopping);
 * stream.onClose(subscribe(events, { state: (data) => stream.send([{ event: 'state', data }]) }));
 */
export class EventStream {
  readonly #res: Response;

  /** @throws GatewayError `SHUTTING_DOWN` once `stopping` is aborted; then nothing was written */
  constructor(res: Response, stopping?: AbortSignal) {
    if (stopping?.aborted) throw new GatewayError('SHUTTING_DOWN', TEXTS.SHUTTING_DOWN.service);
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
    else res.write(`retry: ${RECONNECT_MS}\n\n`);
  }

  /** Writes events as one chunk. */
  send(events: SentEvent[]): void {
    if (events.length > 0) this.#write(events.map(textOf).join(''));
  }

  /** Ends the stream after what was written. */
  end(): void {
    this.#res.end();
  }

  /** Runs `release` once, when the connection is closed for whatever reason. */
  onClose(release: () => void): void {
    this.#res.once('close', release);
  }

  /** Writes, or disconnects a reader that is a megabyte behind. Writes nothing after the end. */
  #write(text: string): void {
    if (this.#res.writableEnded) return;
    if (this.#res.writableLength > MAX_BACKLOG) this.#res.destroy();
    else this.#res.write(text);
  }
}

/** An event as it is sent. */
function textOf({ event, data, id }: SentEvent): string {
  return `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
}
