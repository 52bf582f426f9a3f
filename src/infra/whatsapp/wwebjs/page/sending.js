import { change, findMessage, isChange } from './changes.js';
import { fieldsOf } from './contents.js';
import { find, invoke, offer, PageError, use } from './core.js';
import { addressOf, findChat, isSameChat, loadedChat, messageIdOf, widOf } from './people.js';

/** The server's answer to each hand-over that is not settled yet, by message id. */
const answers = new Map();

/** WhatsApp's time in seconds, corrected by the server where the page knows the offset. */
function now() {
  return find('WATimeUtils.unixTime') ? invoke('WATimeUtils.unixTime') : Math.floor(Date.now() / 1000);
}

/** What a reply carries of the message that it quotes. @throws PageError `NO_QUOTE` unless it stands in this chat */
async function quoteFields(id, chat) {
  const message = await findMessage(id).catch((error) => {
    if (error.code === 'INVALID_ADDRESS') return undefined;
    throw error;
  });
  const isHere = message && isSameChat(addressOf(message.id.remote), addressOf(chat.id));
  const reply = use('WAWebMsgReply');
  const isQuotable = isHere && (reply.canReplyMsg ? reply.canReplyMsg(message.unsafe()) : message.canReply());
  if (!isQuotable) throw new PageError('NO_QUOTE', 'the quoted message is not in this chat');
  return message.msgContextInfo(chat);
}

/** The key of a new message of ours in a chat. */
async function newKey(chat, stanzaId) {
  const isGroup = chat.id.isGroup?.() ?? false;
  const byLid = isGroup ? chat.groupMetadata?.isLidAddressingMode : chat.id.isLid?.();
  const from =
    (byLid && invoke('WAWebUserPrefsMeUser.getMaybeMeLidUser')) ||
    invoke('WAWebUserPrefsMeUser.getMaybeMePnUser');
  const participant = isGroup ? invoke('WAWebWidFactory.asUserWidOrThrow', from) : undefined;
  const Key = use('WAWebMsgKey');
  const id = stanzaId ?? (await Key.newId());
  return { from, key: new Key({ from, to: chat.id, id, participant, selfDir: 'out' }) };
}

/** A hand-over as the service takes it. */
function handoverOf(message, chat) {
  return {
    messageId: messageIdOf(message.id),
    t: message.t,
    ack: message.ack ?? 0,
    chatId: addressOf(chat.id),
    errorCode: message.errorCode,
  };
}

/** Keeps the server's answer until the refusal that it explains is reported. */
function remember(id, sent) {
  const answer = sent.then(
    (result) => result ?? {},
    () => ({}),
  );
  answers.set(id, answer);
  answer.finally(() => setTimeout(() => answers.delete(id), 60_000));
}

/** The server's code of a refusal, when it gives one soon; undefined otherwise. */
export async function refusalCode(message) {
  const said = message.errorCode ?? message.ackErrorCode;
  if (said) return said;
  const late = new Promise((resolve) => setTimeout(resolve, 2_000, {}));
  const answer = await Promise.race([answers.get(messageIdOf(message.id)) ?? {}, late]);
  return answer.ackErrorCode ?? message.errorCode ?? undefined;
}

/** Hands a new message over; `reached` is called just before. `input` holds its uploaded file, if it has one. */
async function handOver({ to, content, quoteId, stanzaId }, input, reached) {
  const chat = await findChat(to);
  if (!chat) throw new PageError('NO_CHAT', 'WhatsApp has no such chat');
  const quote = quoteId === undefined ? {} : await quoteFields(quoteId, chat);
  const fields = await fieldsOf(content, chat, input);
  const { from, key } = await newKey(chat, stanzaId);
  const message = {
    ...invoke('WAWebGetEphemeralFieldsMsgActionsUtils.getEphemeralFields', chat),
    ...fields,
    ...quote,
    id: key,
    ack: 0,
    from,
    to: chat.id,
    local: true,
    self: 'out',
    t: now(),
    isNewMsg: true,
  };
  use('WAWebSendMsgChatAction.addAndSendMsgToChat');
  reached();
  const [stored, sent] = invoke('WAWebSendMsgChatAction.addAndSendMsgToChat', chat, message);
  sent.catch(() => undefined);
  const model = (await stored) ?? use('WAWebCollections.Msg').get(messageIdOf(key));
  if (!model?.id) throw new PageError('NO_MESSAGE', 'the page gave nothing back');
  remember(messageIdOf(model.id), sent);
  return handoverOf(model, chat);
}

/**
 * Hands a message or a change of one over to WhatsApp Web. An error says in `stage` whether the hand-over was reached:
 * before it nothing has left.
 */
async function send(draft, input) {
  let stage = 'preparation';
  const reached = () => {
    stage = 'hand-over';
  };
  try {
    const { content, to } = draft;
    if (isChange(content)) return await change(content, { to, reached, clock: now });
    return await handOver(draft, input, reached);
  } catch (error) {
    throw Object.assign(error instanceof Error ? error : new PageError('PAGE', String(error)), { stage });
  }
}

/** Where a number is reached; null for one without an account. Too many questions are refused by the page. */
async function recipient(address) {
  const wid = widOf(address);
  try {
    const found = await invoke('WAWebQueryExistsJob.queryWidExists', wid);
    return found?.wid ? addressOf(found.wid) : null;
  } catch (error) {
    const chat = loadedChat(address);
    if (chat) return addressOf(chat.id);
    throw error;
  }
}

/** Shows in a chat that we are typing, or no more. */
async function typing(address, isTyping) {
  const id = loadedChat(address)?.id ?? widOf(address);
  const name = isTyping ? 'sendChatStateComposing' : 'sendChatStatePaused';
  await invoke(`WAWebChatStateBridge.${name}`, id);
}

offer('send', send);
offer('recipient', recipient);
offer('typing', typing);
