import { basename } from 'node:path';
import { fileTypeFromFile } from 'file-type';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError, toGatewayError } from '../../actors/domain/errors.ts';
import type { AgentRef } from '../../actors/domain/identity.ts';
import {
  KINDS,
  MAX_DATA_BYTES,
  type MediaContent,
  type MediaDraft,
  type MediaFile,
} from '../../actors/domain/message-content.ts';
import type { FileClaim, FileStore, MessageFiles, StoredFile } from '../../actors/domain/ports/files.ts';
import type { MediaIntake } from '../../http/ports.ts';
import { cleanFilename } from '../files/filename.ts';
import type { TempFiles } from '../files/temp-files.ts';
import { decodeBase64 } from './base64.ts';
import { assertPixels } from './image-header.ts';
import type { MediaFetcher } from './media-fetcher.ts';
import { measureVoice, toVoice, type VoiceShape } from './voice.ts';

/** Voice notes as WhatsApp takes them. */
const OPUS = 'audio/ogg; codecs=opus';
/** What ffmpeg may find audio in: recordings of browsers are WebM. */
const HAS_AUDIO = /^(audio|video)\/|^application\/ogg$/;
/** Extensions of previews. */
const EXTENSIONS: Record<string, string> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/gif': 'gif',
  'image/webp': 'webp',
};

/** What the intake works with. */
export interface FileIntakeOptions {
  files: Pick<FileStore, 'add' | 'take'> & MessageFiles;
  fetcher: Pick<MediaFetcher, 'fetch'>;
  previews: Pick<TempFiles, 'add'>;
  /** `FFMPEG_PATH`. */
  ffmpeg: string;
}

/** The intake of the HTTP edge: streams links and base64 into the store of files, then checks what is there. */
export class FileIntake implements MediaIntake {
  readonly #options: FileIntakeOptions;

  constructor(options: FileIntakeOptions) {
    this.#options = options;
  }

  async open(agent: AgentRef, draft: MediaDraft): Promise<MediaContent> {
    const stored = await this.#store(agent, draft);
    try {
      return await this.#contentOf(agent, draft, stored);
    } catch (error) {
      await this.discard(agent, stored);
      throw error;
    }
  }

  async preview({ path, mimetype }: MediaFile): Promise<string> {
    try {
      return await this.#options.previews.add(path, EXTENSIONS[mimetype] ?? 'bin');
    } catch (error) {
      throw toGatewayError(error, 'INTERNAL', TEXTS.INTERNAL.previewNotWritten);
    }
  }

  discard(agent: AgentRef, file: MediaFile): Promise<void> {
    return this.#options.files.release(agent, file);
  }

  /** The file of a draft in the store, not larger than its kind may be. */
  async #store(agent: AgentRef, { kind, source, filename }: MediaDraft): Promise<StoredFile> {
    const { files, fetcher } = this.#options;
    const { maxBytes = 0, formats } = KINDS[kind];
    const { link, data = '', id } = source;
    const add = (bytes: AsyncIterable<Buffer>, claim: FileClaim) => files.add(agent, bytes, claim, 'message');
    if (id !== undefined) {
      const file = await files.take(agent, id);
      if (!file) throw new GatewayError('NOT_FOUND', TEXTS.NOT_FOUND.file);
      if (file.size <= maxBytes) return file;
      throw new GatewayError('MEDIA_TOO_LARGE', TEXTS.MEDIA_TOO_LARGE.bytes(maxBytes));
    }
    if (link !== undefined) {
      const accept = formats === 'any' ? '*/*' : `${formats?.join(', ')}, */*;q=0.1`;
      const name = filename ?? (kind === 'document' ? nameIn(link) : undefined);
      return fetcher.fetch(link, { maxBytes, accept }, (bytes, mimetype) =>
        add(bytes, { mimetype, filename: name }),
      );
    }
    const { type, bytes } = decodeBase64(data, Math.min(maxBytes, MAX_DATA_BYTES));
    return add(bytes, { mimetype: type, filename });
  }

  /** The content of a draft whose file is stored. @throws GatewayError when it is not a file of its kind */
  async #contentOf(agent: AgentRef, draft: MediaDraft, stored: StoredFile): Promise<MediaContent> {
    const { source: _, filename, ...fields } = draft;
    // The type of a content goes with its kind.
    const withFile = (file: MediaFile, more = {}) => ({ ...fields, ...more, file }) as MediaContent;
    if (draft.kind === 'audio' && draft.voice) {
      const { note, shape } = await this.#voiceOf(agent, stored);
      return withFile(asMedia(note), shape);
    }
    assertFormat(draft.kind, stored.mimetype);
    const file = asMedia(stored, filename);
    if (draft.kind === 'document') file.filename ??= await defaultName(file.path);
    if (file.mimetype.startsWith('image/') && draft.kind !== 'document')
      await assertPixels(file.path, file.mimetype);
    // WhatsApp takes no empty file.
    if (file.size === 0) throw new GatewayError('MEDIA_FETCH_FAILED', TEXTS.MEDIA_FETCH_FAILED.empty);
    return withFile(file);
  }

  /** A recording as a voice note, converted unless it is one, with its length and waveform as far as they are known. */
  async #voiceOf(
    agent: AgentRef,
    recording: StoredFile,
  ): Promise<{ note: StoredFile; shape: Partial<VoiceShape> }> {
    const { ffmpeg, files } = this.#options;
    const { mimetype, path } = recording;
    if (mimetype === OPUS) return { note: recording, shape: (await measureVoice(ffmpeg, path)) ?? {} };
    if (!HAS_AUDIO.test(mimetype)) throw wrongFormat('audio', mimetype);
    const { stored, shape } = await toVoice(ffmpeg, path, (bytes) =>
      files.add(agent, limited(bytes), { mimetype: OPUS }, 'message'),
    );
    await files.release(agent, recording);
    return { note: stored, shape };
  }
}

/** A stored file as that of a message. An animated PNG is a PNG. */
function asMedia({ id, path, mimetype, size, sha256, filename }: StoredFile, name = filename): MediaFile {
  const shown = cleanFilename(name);
  const type = mimetype === 'image/apng' ? 'image/png' : mimetype;
  return { id, path, mimetype: type, size, sha256, ...(shown && { filename: shown }) };
}

/** @throws GatewayError `UNSUPPORTED_MEDIA_TYPE` when files of this type are not sent as this kind */
function assertFormat(kind: MediaDraft['kind'], mimetype: string): void {
  const { formats = [] } = KINDS[kind];
  const essence = mimetype.split(';')[0]!.replace('/apng', '/png');
  if (formats !== 'any' && !formats.includes(essence)) throw wrongFormat(kind, mimetype);
}

/** A 415 that lists the formats of a kind. */
function wrongFormat(kind: MediaDraft['kind'], mimetype: string): GatewayError {
  const { formats = [] } = KINDS[kind];
  const words = TEXTS.UNSUPPORTED_MEDIA_TYPE.format(mimetype, kind, formats === 'any' ? [] : formats);
  return new GatewayError('UNSUPPORTED_MEDIA_TYPE', words);
}

/** The bytes of a voice note, which may get longer than its recording was. */
async function* limited(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const { maxBytes = 0 } = KINDS.audio;
  let size = 0;
  for await (const chunk of bytes) {
    size += chunk.length;
    if (size > maxBytes) throw new GatewayError('MEDIA_TOO_LARGE', TEXTS.MEDIA_TOO_LARGE.bytes(maxBytes));
    yield chunk;
  }
}

/** A name for a document that has none: phones open a file by its extension. */
async function defaultName(path: string): Promise<string> {
  const type = await fileTypeFromFile(path).catch(() => undefined);
  return type ? `document.${type.ext}` : 'document';
}

/** The file name at the end of a URL; undefined when it has none there. */
function nameIn(link: string): string | undefined {
  try {
    const name = decodeURIComponent(basename(new URL(link).pathname));
    return name.includes('.') ? name : undefined;
  } catch {
    return undefined;
  }
}
