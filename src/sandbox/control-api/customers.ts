import { fileTypeFromBuffer } from 'file-type';
import type { z } from 'zod';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';
import type { Jid } from '../../actors/domain/identity.ts';
import type { SandboxNetwork } from '../network/network.ts';
import type { Account, ChatMessage, DraftFile } from '../network/types.ts';
import type { MESSAGE } from './bodies.ts';

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

/** An image as a draft holds it. @throws GatewayError UNSUPPORTED_MEDIA_TYPE */
async function imageOf(base64: string): Promise<DraftFile> {
  const data = Buffer.from(base64, 'base64');
  const mimetype = (await fileTypeFromBuffer(data))?.mime;
  if (mimetype?.startsWith('image/')) return { type: 'image', data, mimetype };
  throw new GatewayError('UNSUPPORTED_MEDIA_TYPE', TEXTS.UNSUPPORTED_MEDIA_TYPE.notAnImage);
}

/** A customer writes to the agent, directly or in a group; returns the customer's copy. */
export async function writeAsCustomer(
  network: SandboxNetwork,
  bot: Account,
  message: z.output<typeof MESSAGE>,
): Promise<ChatMessage> {
  const { from, name, text, group, mention, quoteId, byLid, hidesNumber } = message;
  const file = message.image === undefined ? undefined : await imageOf(message.image);
  const customer = network.account(from, {
    ...(name !== undefined && { name }),
    ...(byLid !== undefined && { addressedByLid: byLid }),
    ...(hidesNumber !== undefined && { hidesNumber }),
  });
  const mentionedIds = mention ? [bot.addressedByLid ? bot.lid : bot.pn] : [];
  const to = chatWith(network, bot, customer.pn, group);
  return network.write(customer.pn, { to, text, mentionedIds, file, quoteId });
}
