import { invoke, offer, PageError, use } from './core.js';
import { addressesOf, addressOf, isSameChat, messageIdOf } from './people.js';

// Reactions, edits and revocations: what changes a message that is there.

/** How long after a message WhatsApp takes changes of it, in seconds. */
const EDIT_WINDOW_S = 15 * 60;
const REVOKE_WINDOW_S = 2.5 * 24 * 60 * 60;

/** A message by its id, asked for when it isn't loaded; undefined when there is none. */
async function messageOf(id) {
  const messages = use('WAWebCollections.Msg');
  return messages.get(id) ?? (await messages.getMessagesById([id]))?.messages?.[0];
}

/** A message by its id, under either address of its chat; undefined when there is none. */
export async function findMessage(id) {
  const [, fromMe, chat, rest] = /^(true|false)_([^_]+)_(.+)$/.exec(id) ?? [];
  if (!rest) return undefined;
  for (const address of addressesOf(chat)) {
    const message = await messageOf(`${fromMe}_${address}_${rest}`);
    if (message) return message;
  }
  return undefined;
}

/** The message to be changed. @throws PageError `NO_TARGET` unless it stands in this chat */
async function targetOf(id, to) {
  const message = await findMessage(id);
  if (message && message.type !== 'revoked' && isSameChat(addressOf(message.id.remote), to)) return message;
  throw new PageError('NO_TARGET', 'the message is not in this chat');
}

/** An own message that may still be changed. @throws PageError `NO_TARGET`, `NOT_OWN_MESSAGE`, `TOO_LATE` */
async function ownTargetOf(id, to, windowSeconds, clock) {
  const message = await targetOf(id, to);
  if (!message.id.fromMe) throw new PageError('NOT_OWN_MESSAGE', 'the message is not ours');
  if (clock() - message.t > windowSeconds) throw new PageError('TOO_LATE', 'the message is too old');
  return message;
}

/** Our reaction to a message as the page has stored it; null when there is none. */
async function ownReaction(message) {
  const found = await invoke('WAWebDBGetReactions.getReactions', messageIdOf(message.id));
  return found?.reactionByMe ?? null;
}

/** Reacts to a message; the page rejects when the server has not taken it. */
async function react({ messageId, emoji }, { to, reached }) {
  const message = await targetOf(messageId, to);
  use('WAWebDBGetReactions.getReactions');
  use('WAWebSendReactionMsgAction.sendReactionToMsg');
  reached();
  await invoke('WAWebSendReactionMsgAction.sendReactionToMsg', message, emoji);
  const reaction = await ownReaction(message);
  return messageIdOf(reaction?.msgKey ?? message.id);
}

/** Edits an own text or caption. The page resolves whatever the server said: a failure is a flag of the message. */
async function edit({ messageId, text }, { to, reached, clock }) {
  const message = await ownTargetOf(messageId, to, EDIT_WINDOW_S, clock);
  const can = (name) => invoke(`WAWebMsgActionCapability.${name}`, message);
  if (!can('canEditText') && !can('canEditCaption'))
    throw new PageError('NOT_EDITABLE', 'only texts and captions can be edited');
  use('WAWebSendMessageEditAction.sendMessageEdit');
  reached();
  await invoke('WAWebSendMessageEditAction.sendMessageEdit', message, text, {});
  if (message.isSendFailure) throw new PageError('NOT_SENT', 'the edit was not sent');
  return messageIdOf(message.latestEditMsgKey ?? message.id);
}

/** Revokes an own message for everyone; never deletes it for us alone. */
async function revoke({ messageId }, { to, reached, clock }) {
  const message = await ownTargetOf(messageId, to, REVOKE_WINDOW_S, clock);
  const sender = use('WAWebCmd.Revoke.Sender');
  if (!invoke('WAWebMsgActionCapability.canSenderRevokeMsg', message))
    throw new PageError('TOO_LATE', 'WhatsApp Web does not let the message be revoked');
  use('WAWebRevokeMsgAction.sendRevoke');
  reached();
  const record = { type: 'message', data: message };
  const result = await invoke('WAWebRevokeMsgAction.sendRevoke', record, sender, true);
  if (result?.messageSendResult !== 'OK') throw new PageError('NOT_SENT', 'the revocation was not sent');
  return messageIdOf(message.id);
}

const changers = { reaction: react, edit, revoke };

/** True for a kind that changes a message which is there. */
export const isChange = ({ kind }) => kind in changers;

/** Makes a change; `reached` is called before it is handed over. Resolves once the server has it. */
export async function change(content, { to, reached, clock }) {
  const messageId = await changers[content.kind](content, { to, reached, clock });
  return { messageId, t: clock(), ack: 1, chatId: to };
}

/** The id of a reaction that the server has; undefined when there is none, or another one. */
async function reactionId({ messageId, emoji }) {
  const message = await findMessage(messageId);
  if (!message) return undefined;
  const reaction = await ownReaction(message);
  if (emoji === '') return reaction ? undefined : messageIdOf(message.id);
  const isThere = reaction?.reactionText === emoji && (reaction.ack ?? 1) >= 1;
  return isThere ? messageIdOf(reaction.msgKey) : undefined;
}

/** The id of an edit that is there; undefined when there is none. The page trims the texts of edits. */
async function editId({ messageId, text }) {
  const message = await findMessage(messageId);
  const isThere =
    message?.latestEditMsgKey &&
    !message.isSendFailure &&
    (message.type === 'chat' ? message.body : message.caption) === text.trim();
  return isThere ? messageIdOf(message.latestEditMsgKey) : undefined;
}

/** The id of a revocation; undefined while the message is there. A revoked message has the key of its revocation. */
async function revocationId({ messageId }) {
  const message = await findMessage(messageId);
  if (message) return message.type === 'revoked' ? messageIdOf(message.id) : undefined;
  const isOfIt = ({ protocolMessageKey: key }) => key && messageIdOf(key) === messageId;
  const revoked = use('WAWebCollections.Msg').getModelsArray().find(isOfIt);
  return revoked ? messageIdOf(revoked.id) : messageId;
}

const finders = { reaction: reactionId, edit: editId, revoke: revocationId };

offer('findChange', async (content) => (await finders[content.kind](content)) ?? null);
