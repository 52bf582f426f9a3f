import { TEXTS } from '../domain/error-texts.ts';
import { GatewayError } from '../domain/errors.ts';
import type { AgentRef } from '../domain/identity.ts';
import { KINDS, type MediaContent } from '../domain/message-content.ts';
import type { Scheduler } from '../domain/ports/clock.ts';
import type { FileStore, StoredFile } from '../domain/ports/files.ts';
import type { InboundMessage, WhatsAppClient } from '../domain/ports/whatsapp.ts';
import type { ActorSettings } from '../domain/settings.ts';
import { abortable, retry } from '../domain/timeout.ts';
import { contentTypeOf } from './content-types.ts';
import { messageKey } from './message-changes.ts';

/** What the downloads of all agents share. */
export interface DownloadDeps {
  settings: Pick<ActorSettings, 'limits'>;
  clock: Scheduler;
  files: Pick<FileStore, 'add'>;
}

/** Where a file is downloaded from, and for which agent. */
export interface DownloadSource {
  agent: AgentRef;
  client: WhatsAppClient | null;
}

/** A download that callers share. */
interface SharedDownload {
  file: Promise<StoredFile>;
  /** Callers that wait for it: without any it is cancelled. */
  callers: number;
  stop: AbortController;
  startedAt: number;
}

const RETRY_AFTER_MS = 1_000;
/** How many files are remembered, and for how long: the AI and the webhooks want one at about the same time. */
const REMEMBERED = 50;
const REMEMBERED_MS = 600_000;

/** Downloads the files of an agent's messages into the store, each once for all that want it. */
export class Downloads {
  readonly #deps: DownloadDeps;
  readonly #shared = new Map<string, SharedDownload>();

  constructor(deps: DownloadDeps) {
    this.#deps = deps;
  }

  /**
   * The file of a message.
   * @throws GatewayError as `downloadFile`; the signal's reason when it is aborted
   */
  async file(message: InboundMessage, source: DownloadSource, signal: AbortSignal): Promise<StoredFile> {
    signal.throwIfAborted();
    const key = messageKey(message.id);
    const shared = this.#find(key) ?? this.#start(key, message, source);
    shared.callers += 1;
    try {
      return await abortable(shared.file, signal);
    } finally {
      shared.callers -= 1;
      if (signal.aborted && shared.callers === 0) {
        this.#shared.delete(key);
        shared.stop.abort(signal.reason);
      }
    }
  }

  /** A download that is in progress or was done a moment ago. */
  #find(key: string): SharedDownload | undefined {
    const shared = this.#shared.get(key);
    const isRecent = shared && this.#deps.clock.monotonic() - shared.startedAt < REMEMBERED_MS;
    return isRecent ? shared : undefined;
  }

  #start(key: string, message: InboundMessage, source: DownloadSource): SharedDownload {
    const stop = new AbortController();
    const file = downloadFile(this.#deps, message, { ...source, signal: stop.signal });
    const shared = { file, callers: 0, stop, startedAt: this.#deps.clock.monotonic() };
    this.#shared.delete(key);
    this.#shared.set(key, shared);
    if (this.#shared.size > REMEMBERED) this.#shared.delete(this.#shared.keys().next().value!);
    // A failed one is not remembered: the next caller tries again.
    file.catch(() => {
      if (this.#shared.get(key) === shared) this.#shared.delete(key);
    });
    return shared;
  }
}

/** True for a message whose kind has a file. */
export function hasAttachment({ type }: InboundMessage): boolean {
  return maxBytesOf(type) > 0;
}

/** Streams the file of a message into the store, tried twice within the deadline. @throws GatewayError */
export async function downloadFile(
  { settings, clock, files }: DownloadDeps,
  { id, type, file }: InboundMessage,
  { agent, client, signal }: DownloadSource & { signal: AbortSignal },
): Promise<StoredFile> {
  const maxBytes = maxBytesOf(type);
  if (!client || !file) throw new GatewayError('MEDIA_FETCH_FAILED', TEXTS.MEDIA_FETCH_FAILED.notDownloaded);
  if (file.sizeBytes > maxBytes)
    throw new GatewayError('MEDIA_TOO_LARGE', TEXTS.MEDIA_TOO_LARGE.bytes(maxBytes));
  const deadline = new AbortController();
  const late = () =>
    deadline.abort(new GatewayError('MEDIA_FETCH_FAILED', TEXTS.MEDIA_FETCH_FAILED.downloadTooSlow));
  const timer = clock.setTimeout(late, settings.limits.downloadMs);
  const stop = AbortSignal.any([signal, deadline.signal]);
  const claim = { mimetype: file.mimeType, filename: file.fileName };
  const attempt = () => files.add(agent, client.downloadMedia(id, { maxBytes, signal: stop }), claim);
  // WhatsApp's servers refuse a download now and then that they give a moment later.
  const shouldRetry = (error: unknown, attempts: number) =>
    attempts === 1 && error instanceof GatewayError && error.code === 'MEDIA_FETCH_FAILED';
  try {
    return await retry(attempt, { clock, everyMs: RETRY_AFTER_MS, signal: stop, shouldRetry });
  } finally {
    clock.clearTimeout(timer);
  }
}

/** The limit of files of a type of WhatsApp's, in bytes; 0 for a type without files. */
function maxBytesOf(type: string): number {
  return KINDS[contentTypeOf(type) as MediaContent['kind']]?.maxBytes ?? 0;
}
