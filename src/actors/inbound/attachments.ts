import { readFile } from 'node:fs/promises';
import { toGatewayError } from '../domain/errors.ts';
import type { FileLinks, StoredFile } from '../domain/ports/files.ts';
import type { Recording, Transcription } from '../domain/ports/transcriber.ts';
import type { InboundFile, InboundMessage } from '../domain/ports/whatsapp.ts';
import type { AiMedia } from '../domain/settings.ts';
import { contentTypeOf } from './content-types.ts';
import type { DownloadSource, Downloads } from './downloads.ts';
import { type Transcript, type TranscriptDeps, transcriptOf } from './transcripts.ts';

/** What the attachments of all agents share. */
export interface AttachmentDeps extends TranscriptDeps {
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
export interface FetchOptions extends DownloadSource {
  downloads: Pick<Downloads, 'file'>;
  media: AiMedia;
  /** With `base64`, a larger file is given by link. */
  maxBase64Bytes: number;
  traceId: string;
  signal: AbortSignal;
  /** Receives why a file can't be had, unless it is too large. */
  onFault(error: unknown): void;
}

const UNKNOWN_FILE: InboundFile = { mimeType: 'application/octet-stream', sizeBytes: 0, sha256: '' };

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
    const stored = await options.downloads.file(message, options, signal);
    const { mimetype: mimeType, size: sizeBytes, sha256 } = stored;
    const content = await contentOf(deps, stored, options);
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

/** The bytes of a file, or a link to them. */
async function contentOf(
  { fileLinks }: AttachmentDeps,
  stored: StoredFile,
  { media, maxBase64Bytes }: Pick<FetchOptions, 'media' | 'maxBase64Bytes'>,
): Promise<Pick<Attachment, 'url' | 'data'>> {
  if (media === 'url' || stored.size > maxBase64Bytes) return { url: fileLinks.url(stored) };
  return { data: await readFile(stored.path, 'base64') };
}
