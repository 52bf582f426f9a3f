import { find, invoke, offer, PageError, use } from './core.js';

// Addresses, and the two that one person has: by number (`@c.us`) and by LID (`@lid`).

/** An address as text, without the number of a device. */
export function addressOf(wid) {
  const text = typeof wid === 'string' ? wid : (wid?._serialized ?? (wid ? String(wid) : ''));
  return text.replace(/:\d+@/, '@');
}

/** The page's Wid of an address. @throws PageError `INVALID_ADDRESS` */
export function widOf(address) {
  const createWid = use('WAWebWidFactory.createWid');
  try {
    const wid = createWid(address);
    if (wid) return wid;
  } catch {
    // Its own error says no more.
  }
  throw new PageError('INVALID_ADDRESS', 'WhatsApp Web does not take the address');
}

/** Pairs of addresses that were learned from the page, both ways. */
const learned = new Map();
const MAX_LEARNED = 20_000;

/** Remembers that two addresses are one person's. */
export function learn(number, lid) {
  learned.set(lid, number).set(number, lid);
  while (learned.size > MAX_LEARNED) learned.delete(learned.keys().next().value);
}

/** The first mapping that knows the other address of a person; undefined when none does. */
function mapped(address, names) {
  if (learned.has(address)) return learned.get(address);
  for (const name of names) {
    try {
      const other = find(name) && addressOf(invoke(name, widOf(address)));
      if (other) return other;
    } catch {
      // The page does not know this person.
    }
  }
  return undefined;
}

/** A person's number (`…@c.us`); undefined when the page knows the LID alone. */
export function numberOf(address) {
  if (!address.endsWith('@lid')) return address.endsWith('@c.us') ? address : undefined;
  return mapped(address, ['WAWebApiContact.getPhoneNumber', 'WAWebLidMigrationUtils.toPn']);
}

/** A person's LID; undefined when the page knows none. */
export function lidOf(address) {
  if (!address.endsWith('@c.us')) return address.endsWith('@lid') ? address : undefined;
  return mapped(address, ['WAWebApiContact.getCurrentLid', 'WAWebLidMigrationUtils.toLid']);
}

const LOOK_UP_MS = 2_000;

/** A person by number, looked up where the page does not have it at hand; by LID when it can't be had soon. */
export async function personOf(address) {
  const known = numberOf(address);
  if (!address.endsWith('@lid')) return known ?? address;
  if (known) {
    learn(known, address);
    return known;
  }
  const late = new Promise((resolve) => setTimeout(resolve, LOOK_UP_MS));
  try {
    const contact = await Promise.race([find('WAWebCollections.Contact')?.find(widOf(address)), late]);
    const number = addressOf(contact?.phoneNumber) || numberOf(address);
    if (!number) return address;
    learn(number, address);
    return number;
  } catch {
    return address;
  }
}

/** All addresses of a chat: the one given first, then the person's other one. */
export function addressesOf(address) {
  return [...new Set([address, numberOf(address), lidOf(address)].filter(Boolean))];
}

/** True when both addresses lead to the same chat. */
export function isSameChat(one, other) {
  return addressesOf(one).some((address) => addressesOf(other).includes(address));
}

/** The chat of an address when it is loaded; undefined otherwise. Asks the network for nothing. */
export function loadedChat(address) {
  const chats = use('WAWebCollections.Chat');
  for (const known of addressesOf(address)) {
    const chat = chats.get(widOf(known));
    if (chat) return chat;
  }
  return undefined;
}

/** The chat of an address, made when there is none; null where WhatsApp has none. */
export async function findChat(address) {
  const wid = widOf(address);
  const chat = use('WAWebCollections.Chat').get(wid);
  if (chat) return chat;
  const found = await invoke('WAWebFindChatAction.findOrCreateLatestChat', wid);
  return found?.chat ?? null;
}

/** A chat with both addresses of its person, as far as the page knows them; a group has one. */
export async function identify(address) {
  const chatId = await personOf(address);
  return { chatId, lid: (address.endsWith('@lid') ? address : lidOf(chatId)) ?? null };
}

/** The id of a message, `fromMe_chat_stanza[_participant]`, however this build of the page spells it. */
export function messageIdOf(key) {
  if (typeof key === 'string') return key;
  const looksRight = (text) =>
    typeof text === 'string' && /^(true|false)_/.test(text) && text.includes(key.id);
  if (looksRight(key._serialized)) return key._serialized;
  const text = [...Object.values(key), String(key)].find(looksRight);
  if (text) return text;
  const parts = [key.fromMe, addressOf(key.remote), key.id];
  return (key.participant ? [...parts, addressOf(key.participant)] : parts).join('_');
}

offer('identify', identify);
