import { fileTypeFromBuffer } from 'file-type';
import type { z } from 'zod';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';
import type { Jid } from '../../actors/domain/identity.ts';
import { KINDS } from '../../actors/domain/message-content.ts';
import { invalid } from '../../http/middleware/error-handler.ts';
import type { SandboxNetwork } from '../network/network.ts';
import type { Account, ChatMessage, DraftFile, MediaType } from '../network/types.ts';
import type { MESSAGE } from './bodies.ts';

type SentFile = NonNullable<z.output<typeof MESSAGE>['file']>;

/** What a phone sends a file as, when it is not chosen: the first that takes it, else a document. */
const SHOWN_TYPES = ['image', 'video', 'audio'] as const;
const CAPTIONED_TYPES = new Set<MediaType>(['image', 'video', 'document']);

/** A group by JID or by name; created, and joined by these members, as needed. */
function groupWith(network: SandboxNetwork, group: string, members: Jid[]): Jid {
  const found = network.groups().find(({ id, name }) => id === group || name === group);
  const id = found?.id ?? (group.endsWith('@g.us') ? group : undefined);
  const participants = new Set([...(found?.participants ?? []), ...members]);
  if (found && participants.size === found.participants.length) return found.id;
  return network.group({ id, name: found?.name ?? group, participants: [...participants] }).id;
}

/** The chat with an agent as its customer has it: the direct one, or a group that both are in. */
export function chatWith(network: SandboxNetwork, bot: Account, from: string, group?: string): Jid {
  if (group !== undefined) return groupWith(network, group, [bot.pn, network.account(from).pn]);
  return bot.addressedByLid ? bot.lid : bot.pn;
}

/** The formats that a phone sends as a type; of a voice note, which a real phone records itself, any sound. */
function formatsOf(type: MediaType): readonly string[] | 'any' {
  return type === 'ptt' ? ['audio/*'] : (KINDS[type].formats ?? 'any');
}

/** Whether a file of this media type may be sent as a type. */
function accepts(type: MediaType, mimetype: string): boolean {
  const formats = formatsOf(type);
  const [format = ''] = mimetype.split(';');
  return formats === 'any' || [format, format.replace(/\/.*/, '/*')].some((one) => formats.includes(one));
}

/**
 * A file as a draft holds it: of the wanted type, or of the first that its bytes may have.
 * @throws GatewayError UNSUPPORTED_MEDIA_TYPE
 */
async function fileOf({ data: base64, type: wanted, ...facts }: SentFile): Promise<DraftFile> {
  const data = Buffer.from(base64, 'base64');
  // A picture, a film or a sound shows by its bytes what it is.
  const claimed = /^(image|video|audio)\//.test(facts.mimetype ?? '') ? undefined : facts.mimetype;
  const mimetype = (await fileTypeFromBuffer(data))?.mime ?? claimed ?? 'application/octet-stream';
  const type = wanted ?? SHOWN_TYPES.find((shown) => accepts(shown, mimetype)) ?? 'document';
  if (accepts(type, mimetype)) return { ...facts, type, data, mimetype };
  const formats = [formatsOf(type)].flat();
  throw new GatewayError(
    'UNSUPPORTED_MEDIA_TYPE',
    TEXTS.UNSUPPORTED_MEDIA_TYPE.format(mimetype, type, formats),
  );
}

/**
 * A customer writes to the agent, directly or in a group; returns the customer's copy.
 * @throws GatewayError UNSUPPORTED_MEDIA_TYPE, INVALID_PAYLOAD
 */
export async function writeAsCustomer(
  network: SandboxNetwork,
  bot: Account,
  message: z.output<typeof MESSAGE>,
): Promise<ChatMessage> {
  const { from, name, text, group, mention, quoteId, byLid, hidesNumber, location, contacts } = message;
  const sent = message.image === undefined ? message.file : { data: message.image, type: 'image' as const };
  const file = sent && (await fileOf(sent));
  if (text !== '' && file && !CAPTIONED_TYPES.has(file.type))
    throw invalid([{ path: 'text', message: `must be empty: ${file.type} has no caption` }]);
  const customer = network.account(from, {
    ...(name !== undefined && { name }),
    ...(byLid !== undefined && { addressedByLid: byLid }),
    ...(hidesNumber !== undefined && { hidesNumber }),
  });
  const mentionedIds = mention ? [bot.addressedByLid ? bot.lid : bot.pn] : [];
  const to = chatWith(network, bot, customer.pn, group);
  return network.write(customer.pn, { to, text, mentionedIds, file, location, contacts, quoteId });
}
