import { Cmd } from './connection.js';
import { call } from './line.js';
import { editOf, Msg, revocationOf } from './messages.js';
import { pageError } from './page-error.js';

// Reactions, edits and revocations: what changes a message that is there.

const EDIT_WINDOW_S = 15 * 60;
const REVOKE_WINDOW_S = 2.5 * 24 * 60 * 60;
const CAPTIONED = ['image', 'video', 'document'];

const ageOf = ({ t }) => Math.floor(Date.now() / 1000) - t;

/** `WAWebCmd`: the commands, and who may revoke. */
export const commands = { Cmd, Revoke: { Sender: 'Sender', Admin: 'Admin' } };

/** `WAWebSendReactionMsgAction.sendReactionToMsg`: gives nothing back, and rejects unless the server takes it. */
export async function sendReactionToMsg(message, emoji) {
  if (typeof emoji !== 'string') throw pageError('reaction is not a text');
  await call('react', { messageId: String(message.id), emoji });
}

/** `WAWebDBGetReactions.getReactions`: those to a message, by its key as text. */
export async function getReactions(messageId) {
  if (typeof messageId !== 'string') throw pageError('No key or key range specified.');
  const reactions = (await call('find', { id: messageId }))?.reactions ?? [];
  const rows = reactions.map(({ id, senderId, fromMe, emoji }) => ({
    row: { msgKey: id, parentMsgKey: messageId, senderUserJid: senderId, reactionText: emoji, ack: 1 },
    fromMe,
  }));
  return {
    reactions: rows.map(({ row, fromMe }) => ({
      aggregateEmoji: row.reactionText,
      senders: [row],
      hasReactionByMe: fromMe,
    })),
    reactionByMe: rows.find(({ fromMe }) => fromMe)?.row ?? null,
  };
}

/** `WAWebMsgActionCapability`: what may be done with a message. */
export const capabilities = {
  canEditText: (message) => message.type === 'chat' && message.id.fromMe && ageOf(message) <= EDIT_WINDOW_S,
  canEditCaption: (message) =>
    CAPTIONED.includes(message.type) && message.id.fromMe && ageOf(message) <= EDIT_WINDOW_S,
  canSenderRevokeMsg: (message) => message.id.fromMe && ageOf(message) <= REVOKE_WINDOW_S,
};

/** `WAWebSendMessageEditAction.sendMessageEdit`: resolves with nothing, whatever the server says. */
export async function sendMessageEdit(message, text, { mentionedJidList: _mentioned }) {
  if (!capabilities.canEditText(message) && !capabilities.canEditCaption(message))
    throw pageError('Cannot edit message');
  try {
    await call('edit', { messageId: String(message.id), text: text.trim() });
    message.set(editOf(await call('find', { id: String(message.id) })));
  } catch {
    message.set({ isSendFailure: true });
  }
}

/** `WAWebRevokeMsgAction.sendRevoke`: afterwards the message has the key of its revocation. */
export async function sendRevoke({ type, data: message }, by, _clearMedia) {
  if (type !== 'message' || by !== commands.Revoke.Sender || !message.id.fromMe)
    throw pageError('revoking received message');
  const id = String(message.id);
  try {
    await call('revoke', { messageId: id });
    Msg.revoke(message, revocationOf(await call('find', { id })));
    return { messageSendResult: 'OK' };
  } catch {
    return { messageSendResult: 'ERROR_UNKNOWN' };
  }
}
