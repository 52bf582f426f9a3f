import type { Jid } from './identity.ts';

/** A file on disk; its bytes never travel through the actors. */
export interface MediaFile {
  /** Its id in the store of files. */
  id?: string;
  path: string;
  mimetype: string;
  /** In bytes. */
  size: number;
  /** Of the bytes, in hex. */
  sha256: string;
  filename?: string;
}

/** A card of the address book, in the shape of Meta's Cloud API. */
export interface ContactCard {
  name: { formatted_name: string };
  phones: { phone: string }[];
}

/** What each kind of message holds, named as in Meta's Cloud API. */
interface Contents {
  text: { text: string; previewUrl?: boolean; mentions?: Jid[] };
  image: { file: MediaFile; caption?: string };
  video: { file: MediaFile; caption?: string };
  /** `voice`: shown as a voice note, with its length and a waveform of up to 64 values from 0 to 100. */
  audio: { file: MediaFile; voice?: boolean; seconds?: number; waveform?: number[] };
  document: { file: MediaFile; caption?: string };
  sticker: { file: MediaFile };
  location: { latitude: number; longitude: number; name?: string; address?: string };
  contacts: { contacts: ContactCard[] };
  /** `selectableCount`: how many options one person may choose; 0 for any number. */
  poll: { name: string; options: string[]; selectableCount: number };
  /** An empty `emoji` takes the reaction back. */
  reaction: { messageId: string; emoji: string };
  edit: { messageId: string; text: string };
  /** Deletes an own message for everyone. */
  revoke: { messageId: string };
}

export type ContentKind = keyof Contents;

/** What is to be sent, by kind. */
export type ContentOf<Kind extends ContentKind> = { kind: Kind } & Contents[Kind];

/** What is to be sent. */
export type MessageContent = { [Kind in ContentKind]: ContentOf<Kind> }[ContentKind];

/** A content whose bytes are in a file. */
export type MediaContent = Extract<MessageContent, { file: MediaFile }>;

/** A content that changes a message which is there. */
export type ChangeContent = Extract<MessageContent, { messageId: string }>;

/** Where the bytes of a file come from; exactly one is set. */
export interface FileSource {
  /** An http or https URL. */
  link?: string;
  /** Base64, or a data URL of it. */
  data?: string;
  /** An uploaded file. */
  id?: string;
}

/** A content as it is asked for: its file has to be fetched, decoded or found first. */
type WithSource<Content> = Content extends MediaContent
  ? Omit<Content, 'file'> & { source: FileSource; filename?: string }
  : Content;
export type ContentDraft = WithSource<MessageContent>;
export type MediaDraft = WithSource<MediaContent>;

/** The rules of one kind. */
interface KindRules<Kind extends ContentKind> {
  /** Of the file, in bytes. */
  maxBytes?: number;
  /** Media types that the bytes may have, as sniffed; `any` where WhatsApp takes every file. */
  formats?: 'any' | readonly string[];
  /** It changes a message that is there instead of adding one; sent twice, it changes nothing more. */
  changesMessage?: true;
  /** What a look-up after a crash compares when it can't go by the id. */
  compared(content: Contents[Kind]): Record<string, unknown>;
}

const MB = 1024 * 1024;
/** Files in base64 are held in memory; larger ones are uploaded or linked. */
export const MAX_DATA_BYTES = 16 * MB;

/** Every kind of message that can be sent. Each takes one token of the bucket. */
export const KINDS: { readonly [Kind in ContentKind]: KindRules<Kind> } = {
  text: { compared: ({ text }) => ({ text }) },
  image: {
    maxBytes: 10 * MB,
    formats: ['image/jpeg', 'image/png', 'image/webp', 'image/gif'],
    compared: ({ file, caption = '' }) => ({ sha256: file.sha256, caption }),
  },
  video: {
    maxBytes: 16 * MB,
    formats: ['video/mp4', 'video/3gpp', 'video/quicktime'],
    compared: ({ file, caption = '' }) => ({ sha256: file.sha256, caption }),
  },
  audio: {
    maxBytes: 16 * MB,
    formats: ['audio/ogg', 'audio/mpeg', 'audio/mp4', 'audio/x-m4a', 'audio/aac', 'audio/amr'],
    compared: ({ file }) => ({ sha256: file.sha256 }),
  },
  document: {
    maxBytes: 64 * MB,
    formats: 'any',
    compared: ({ file, caption = '' }) => ({ sha256: file.sha256, caption }),
  },
  sticker: {
    maxBytes: 1 * MB,
    formats: ['image/webp'],
    compared: ({ file }) => ({ sha256: file.sha256 }),
  },
  location: {
    compared: ({ latitude, longitude, name, address }) => {
      const label = [name, address].filter(Boolean).join('\n');
      return { latitude, longitude, label };
    },
  },
  contacts: { compared: ({ contacts }) => ({ contacts }) },
  poll: { compared: ({ name, options }) => ({ name, options }) },
  reaction: { changesMessage: true, compared: ({ messageId, emoji }) => ({ messageId, emoji }) },
  edit: { changesMessage: true, compared: ({ messageId, text }) => ({ messageId, text }) },
  revoke: { changesMessage: true, compared: ({ messageId }) => ({ messageId }) },
};

/** True for a content that changes a message which is there. */
export function isChange(content: MessageContent): content is ChangeContent {
  return KINDS[content.kind].changesMessage === true;
}

/** What a look-up after a crash compares of a content: plain data, equal for equal content. */
export function comparedOf(content: MessageContent): Record<string, unknown> {
  const { kind } = content;
  // The row of a kind takes the content of that kind.
  const { compared } = KINDS[kind] as KindRules<ContentKind>;
  return { kind, ...compared(content as never) };
}

/** The file of a content; undefined where there is none. */
export function fileOf(content: MessageContent): MediaFile | undefined {
  return 'file' in content ? content.file : undefined;
}

/** What a content says in words: its text or caption, else an empty text. */
export function wordsOf(content: MessageContent): string {
  if ('text' in content) return content.text;
  return ('caption' in content && content.caption) || '';
}
