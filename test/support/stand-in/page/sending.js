import { addToChat } from './chats.js';
import { contentOf } from './contents.js';
import { call } from './line.js';
import { failureOf, keep, Msg } from './messages.js';
import { pageError } from './page-error.js';
import { switches } from './switches.js';

const ID_IN_DATA = 'Data passed to getter must include an id property';

/** Acks of messages that are being handed over, by message id. */
const held = new Map();
/** WhatsApp's codes of what it refused, by message. */
const refusals = new WeakMap();
let underWay = 0;

/**
 * `WAWebSendMsgChatAction.addAndSendMsgToChat`: two promises, that the message is stored here, and that the
 * server has it. A refusal of the server is no rejection of either: it shows as ack -1.
 */
export function addAndSendMsgToChat(chat, attributes) {
  const stored = handOver(chat, attributes);
  const sent = stored.then(whenAnswered);
  // The library awaits the second only when it was asked to.
  sent.catch(() => undefined);
  return [stored, sent];
}

/** Sends a message to the network under the id of its key, then adds it. */
async function handOver(chat, attributes) {
  if (switches.mediaId && '__x_id' in attributes) throw pageError(ID_IN_DATA);
  underWay += 1;
  try {
    const view = await call('send', draftOf(chat, attributes));
    held.set(view.id, held.get(view.id) ?? []);
    const message = keep({ ...view, ack: 0 }, { isNewMsg: true });
    addToChat(chat, message);
    // The send job marks the chat read, whatever the library's `sendSeen` says.
    chat.set({ unreadCount: 0 });
    // After the library has read the message at ack 0.
    setTimeout(() => {
      if (view.ack !== 0) apply(message, view);
      release(message);
    });
    return message;
  } catch (error) {
    settle();
    throw error;
  }
}

function draftOf(chat, attributes) {
  const { quotedStanzaID, mentionedJidList = [] } = attributes;
  return {
    to: chat.id._serialized,
    stanzaId: attributes.id.id,
    mentionedIds: mentionedJidList.map(String),
    ...(quotedStanzaID && { quoteId: quotedStanzaID }),
    ...contentOf(attributes),
  };
}

/** The server's answer to a message. */
function whenAnswered(message) {
  const result = () => ({
    messageSendResult: message.ack < 0 ? 'ERROR_UNKNOWN' : 'OK',
    t: message.t,
    ackErrorCode: refusals.get(message),
  });
  if (message.ack !== 0) return result();
  return new Promise((resolve) => {
    message.once('change:ack', () => resolve(result()));
  });
}

/** Applies the acks that came during a hand-over. */
function release(message) {
  for (const ack of held.get(String(message.id)) ?? []) apply(message, ack);
  held.delete(String(message.id));
  settle();
}

/** Ends a hand-over; after the last one no ack is held. */
function settle() {
  underWay -= 1;
  if (underWay === 0) held.clear();
}

/** Sets a message's ack, and the error of a refused one. */
function apply(message, { ack, errorCode }) {
  if (errorCode !== undefined) refusals.set(message, errorCode);
  message.set(ack < 0 ? { ...failureOf({ errorCode }), ack } : { ack });
}

/** Applies an ack: of a loaded message, one that is being handed over, or one sent before the page was loaded. */
export async function acknowledge(ack) {
  const { messageId } = ack;
  if (held.has(messageId)) return held.get(messageId).push(ack);
  if (!Msg.get(messageId) && underWay > 0) return held.set(messageId, [ack]);
  const message = Msg.get(messageId) ?? (await load(messageId));
  if (message) apply(message, ack);
}

/** Loads an own message that was sent before the page was loaded; its last ack is unknown. */
async function load(messageId) {
  const view = await call('find', { id: messageId });
  return view && keep({ ...view, ack: 0 });
}
