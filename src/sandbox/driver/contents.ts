import { readFile } from 'node:fs/promises';
import type {
  ChangeContent,
  ContentKind,
  ContentOf,
  MediaContent,
  MessageContent,
} from '../../actors/domain/message-content.ts';
import type { InboundFile, InboundMessage } from '../../actors/domain/ports/whatsapp.ts';
import type { ChatMessage, Draft, DraftFile, Media, MediaType } from '../network/types.ts';

type Parts = Omit<Draft, 'to'>;
type Writers = { [Kind in ContentKind]?: (content: ContentOf<Kind>, data: Uint8Array) => Parts };
type Read = (message: ChatMessage) => Record<string, unknown>;

/** The file of a message. */
const fileOf = (
  type: MediaType,
  { file: { mimetype, filename } }: MediaContent,
  data: Uint8Array,
): DraftFile => ({ type, data, mimetype, filename });

// Each kind of message, written as a draft of the network.
const WRITERS: Writers = {
  text: ({ text, mentions, previewUrl }) => {
    const [link] = (previewUrl && /https?:\/\/\S+/.exec(text)) || [];
    return { text, mentionedIds: mentions, previewUrl: link };
  },
  image: (content, data) => ({ text: content.caption ?? '', file: fileOf('image', content, data) }),
  video: (content, data) => ({ text: content.caption ?? '', file: fileOf('video', content, data) }),
  audio: (content, data) => {
    const { voice, seconds, waveform } = content;
    return { text: '', file: { ...fileOf(voice ? 'ptt' : 'audio', content, data), seconds, waveform } };
  },
  document: (content, data) => ({ text: content.caption ?? '', file: fileOf('document', content, data) }),
  sticker: (content, data) => ({ text: '', file: fileOf('sticker', content, data) }),
  location: ({ kind: _, ...location }) => ({ text: '', location }),
  contacts: ({ contacts }) => ({ text: '', contacts }),
  poll: ({ kind: _, ...poll }) => ({ text: '', poll }),
};

/** What an incoming message has beside words. */
export function partsOf({
  media,
  location,
  contacts,
}: ChatMessage): Pick<InboundMessage, 'file' | 'location' | 'contacts'> {
  return {
    ...(media && { file: inboundFile(media) }),
    ...(location && { location }),
    ...(contacts && { contacts }),
  };
}

/** A file of the network as the port describes it. */
function inboundFile({ mimetype, size, filename, waveform: _, ...facts }: Media): InboundFile {
  return { mimeType: mimetype, sizeBytes: size, ...(filename && { fileName: filename }), ...facts };
}

/** A draft of the network; rejects when the file can't be read in time. */
export async function draftOf(content: MessageContent, readWithinMs: number): Promise<Parts> {
  const signal = AbortSignal.timeout(readWithinMs);
  const data = 'file' in content ? await readFile(content.file.path, { signal }) : new Uint8Array();
  // The writer of a kind takes the content of that kind.
  const write = WRITERS[content.kind] as (content: never, data: Uint8Array) => Parts;
  return write(content as never, data);
}

const captioned =
  (kind: ContentKind): Read =>
  ({ media, body }) => ({ kind, sha256: media?.sha256, caption: body });
const uncaptioned =
  (kind: ContentKind): Read =>
  ({ media }) => ({ kind, sha256: media?.sha256 });

const contacts: Read = (message) => ({ kind: 'contacts', contacts: message.contacts });

const READERS: Partial<Record<ChatMessage['type'], Read>> = {
  chat: ({ body }) => ({ kind: 'text', text: body }),
  image: captioned('image'),
  video: captioned('video'),
  audio: uncaptioned('audio'),
  ptt: uncaptioned('audio'),
  document: captioned('document'),
  sticker: uncaptioned('sticker'),
  location: ({ location: { latitude, longitude, name, address } = { latitude: 0, longitude: 0 } }) => {
    const label = [name, address].filter(Boolean).join('\n');
    return { kind: 'location', latitude, longitude, label };
  },
  vcard: contacts,
  multi_vcard: contacts,
  poll_creation: ({ poll }) => ({ kind: 'poll', name: poll?.name, options: poll?.options }),
};

/** What a look-up compares of a message; null for one that was taken back. */
export function comparedOfMessage(message: ChatMessage): Record<string, unknown> | null {
  return READERS[message.type]?.(message) ?? null;
}

/** The id of a change; undefined when the message does not have it. */
export function changeIdOf(message: ChatMessage, content: ChangeContent): string | undefined {
  const { id, stanzaId, changeStanzaId = '' } = message;
  const changeId = id.replace(stanzaId, changeStanzaId);
  if (content.kind === 'revoke') return message.type === 'revoked' ? changeId : undefined;
  if (content.kind === 'edit')
    return message.editedAt !== undefined && message.body === content.text ? changeId : undefined;
  const own = message.reactions?.find(({ fromMe }) => fromMe);
  if (content.emoji === '') return own ? undefined : id;
  return own?.emoji === content.emoji ? own.id : undefined;
}
