import { readFile } from 'node:fs/promises';
import { TEXTS } from '../domain/error-texts.ts';
import { GatewayError, toGatewayError } from '../domain/errors.ts';
import type { AgentRef } from '../domain/identity.ts';
import { KINDS, type MediaContent } from '../domain/message-content.ts';
import type { FileLinks, FileStore, StoredFile } from '../domain/ports/files.ts';
import type { Recording, Transcription } from '../domain/ports/transcriber.ts';
import type { InboundFile, InboundMessage, WhatsAppClient } from '../domain/ports/whatsapp.ts';
import type { ActorSettings, AiMedia } from '../domain/settings.ts';
import { retry } from '../domain/timeout.ts';
import { contentTypeOf } from './content-types.ts';
import { type Transcript, type TranscriptDeps, transcriptOf } from './transcripts.ts';

/** What the attachments of all agents share. */
export interface AttachmentDeps extends TranscriptDeps {
  settings: Pick<ActorSettings, 'limits'>;
  files: Pick<FileStore, 'add'>;
  fileLinks: Pick<FileLinks, 'url'>;
}

/** A file of an incoming message as the AI is given it: its facts, and one of `url`, `data` and `error`. */
export interface Attachment extends InboundFile {
  messageId: string;
  /** `image`, `audio`, … */
  type: string;
  /** A voice note. */
  voice?: true;
  /** A signed link, valid for as long as the file is kept. */
  url?: string;
  /** Base64. */
  data?: string;
  /** Of audio, where voice is turned into text. */
  transcript?: Transcript;
  /** Why there is no file. */
  error?: { code: string; message: string };
}

/** How a file is fetched. */
export interface FetchOptions {
  agent: AgentRef;
  client: WhatsAppClient | null;
  media: AiMedia;
  traceId: string;
  signal: AbortSignal;
  /** Receives why a file can't be had, unless it is too large. */
  onFault(error: unknown): void;
}

/** Larger files are given by link, whatever is set: the request holds them whole, a third larger. */
export const MAX_BASE64_BYTES = 8 * 1024 * 1024;
const RETRY_AFTER_MS = 1_000;
const UNKNOWN_FILE: InboundFile = { mimeType: 'application/octet-stream', sizeBytes: 0, sha256: '' };

/** True for a message whose kind has a file. */
export function hasAttachment({ type }: InboundMessage): boolean {
  return maxBytesOf(type) > 0;
}

/**
 * The file of a message, downloaded into the store. A file that can't be had is an attachment with an error.
 * @throws the signal's reason when it is aborted
 */
export async function attachmentOf(
  deps: AttachmentDeps,
  message: InboundMessage,
  options: FetchOptions,
): Promise<Attachment> {
  const { id: messageId, type, file = UNKNOWN_FILE } = message;
  const kind = { messageId, type: contentTypeOf(type), ...(type === 'ptt' && { voice: true as const }) };
  const { agent, traceId, signal } = options;
  const spoken = async (recording: Recording | Transcription) =>
    kind.type === 'audio'
      ? await transcriptOf(deps, recording, { agentId: agent.agentId, traceId, signal })
      : {};
  try {
    const stored = await downloadFile(deps, message, options);
    const { mimetype: mimeType, size: sizeBytes, sha256 } = stored;
    const content = await contentOf(deps, stored, options.media);
    const transcript = await spoken({ file: stored, seconds: file.seconds });
    return { ...kind, ...file, mimeType, sizeBytes, sha256, ...content, ...transcript };
  } catch (cause) {
    signal.throwIfAborted();
    const error = toGatewayError(cause);
    const isTooLarge = error.code === 'MEDIA_TOO_LARGE';
    if (!isTooLarge) options.onFault(error);
    const transcript = await spoken(
      isTooLarge ? { status: 'skipped', reason: 'too_large' } : { status: 'failed', reason: 'no_file' },
    );
    return { ...kind, ...file, error: { code: error.code, message: error.message }, ...transcript };
  }
}

/** Streams the file of a message into the store, tried twice within the deadline. @throws GatewayError */
export async function downloadFile(
  { settings, clock, files }: Pick<AttachmentDeps, 'settings' | 'clock' | 'files'>,
  { id, type, file }: InboundMessage,
  { agent, client, signal }: Pick<FetchOptions, 'agent' | 'client' | 'signal'>,
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

/** The bytes of a file, or a link to them. */
async function contentOf(
  { fileLinks }: AttachmentDeps,
  stored: StoredFile,
  media: AiMedia,
): Promise<Pick<Attachment, 'url' | 'data'>> {
  if (media === 'url' || stored.size > MAX_BASE64_BYTES) return { url: fileLinks.url(stored) };
  return { data: await readFile(stored.path, 'base64') };
}

/** The limit of files of a type of WhatsApp's, in bytes; 0 for a type without files. */
function maxBytesOf(type: string): number {
  return KINDS[contentTypeOf(type) as MediaContent['kind']]?.maxBytes ?? 0;
}
