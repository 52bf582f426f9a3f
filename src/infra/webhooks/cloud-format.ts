import type { ErrorCode } from '../../actors/domain/errors.ts';
import type { ContactCard } from '../../actors/domain/message-content.ts';
import { CLOUD_CODES, CLOUD_ERRORS, type CloudCode } from '../cloud-errors.ts';
import { mediaIdOf, waIdOf, wamidOf } from '../cloud-ids.ts';
import type { DeliveredEvent, EventContext } from './delivered-event.ts';

// Events in the shapes of Meta's webhooks:
// https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages

const ERRORS_PAGE = 'https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/';

/** `data` of `message.received`, as far as Meta has words for it. */
interface Received {
  id: string;
  chatId: string;
  from: string;
  fromMe: boolean;
  name?: string;
  type: string;
  text?: string;
  file?: ReceivedFile;
  location?: object;
  contacts?: ContactCard[];
  quoted?: { messageId: string; fromMe: boolean };
  at: string;
}

/** The file of a message; without id when it could not be downloaded. */
interface ReceivedFile {
  id?: string;
  mimeType: string;
  sha256: string;
  fileName?: string;
  voice?: boolean;
  error?: { message: string };
}

/** `data` of `message.status`. */
interface Status {
  id: string;
  to: string;
  status: string;
  error?: { code: string; message: string };
  callbackData?: string;
}

/** `data` of `message.edited`, `message.revoked` and `message.reaction`. */
interface Changed {
  id: string;
  chatId: string;
  text?: string;
  from?: string;
  fromMe?: boolean;
  emoji?: string;
  at: string;
}

/** What an event changes, by Meta's name of the field. */
interface Change {
  field: 'messages' | 'smb_message_echoes';
  value: object;
}

/** An event as Meta's webhooks say it; null for one that they have no words for. */
export async function cloudBody(event: DeliveredEvent, context: EventContext): Promise<string | null> {
  const change = await changeOf(event, context);
  if (!change) return null;
  const { agentId } = event;
  const value = { messaging_product: 'whatsapp', metadata: metadataOf(agentId, context), ...change.value };
  const entry = [{ id: agentId, changes: [{ value, field: change.field }] }];
  return toAscii(JSON.stringify({ object: 'whatsapp_business_account', entry }));
}

/** JSON in ASCII alone: Meta signs its bodies so, and some receivers write them so before they verify. */
function toAscii(json: string): string {
  return json.replace(/[\x7f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The agent as a phone number; its number is missing before the first link. */
function metadataOf(agentId: string, { account }: EventContext): object {
  return { ...(account && { display_phone_number: waIdOf(account) }), phone_number_id: agentId };
}

async function changeOf(event: DeliveredEvent, context: EventContext): Promise<Change | null> {
  switch (event.type) {
    case 'message.received':
      return receivedChange(event.agentId, event.data as Received, context);
    case 'message.status':
      return statusChange(event.at, event.data as Status);
    case 'message.edited':
    case 'message.revoked':
    case 'message.reaction':
      return changedChange(event, event.data as Changed, context);
    case 'webhook.test':
      return { field: 'messages', value: {} };
    default:
      return null;
  }
}

/** A message that came in, or that a person wrote on the phone. */
async function receivedChange(agentId: string, data: Received, context: EventContext): Promise<Change> {
  const { id, chatId, fromMe, name, quoted, at } = data;
  const from = waIdOf(fromMe ? (context.account ?? '') : data.from);
  const message = {
    from,
    ...(fromMe && { to: waIdOf(chatId) }),
    ...(!fromMe && groupOf(chatId)),
    id: wamidOf(id),
    timestamp: seconds(at),
    ...(quoted && { context: await quotedContext(quoted, data, context) }),
    ...contentOf(agentId, data),
  };
  if (fromMe) return { field: 'smb_message_echoes', value: { message_echoes: [message] } };
  const contacts = [{ profile: { ...(name && { name }) }, wa_id: from }];
  return { field: 'messages', value: { contacts, messages: [message] } };
}

/** The quoted message and who wrote it. */
async function quotedContext(
  { messageId, fromMe }: { messageId: string; fromMe: boolean },
  { chatId }: Received,
  context: EventContext,
): Promise<object> {
  const author = fromMe ? context.account : authorOf(messageId, chatId);
  return { ...(author && { from: waIdOf(author) }), id: await clientId(messageId, context) };
}

/** The type of a message, and its content in the field of that name. */
function contentOf(agentId: string, { type, text, file, location, contacts }: Received): object {
  switch (type) {
    case 'text':
      return { type, text: { body: text ?? '' } };
    case 'location':
      return location ? { type, location } : unsupported(131051);
    case 'contacts':
      return contacts ? { type, contacts } : unsupported(131051);
    case 'image':
    case 'video':
    case 'audio':
    case 'document':
    case 'sticker':
      if (!file?.id) return unsupported(131052, file?.error?.message);
      return { type, [type]: mediaOf(type, mediaIdOf(agentId, file.id), file, text) };
    default:
      return unsupported(131051);
  }
}

/** A file as Meta describes it. */
function mediaOf(
  type: string,
  id: string,
  { mimeType, sha256, fileName, voice }: ReceivedFile,
  text?: string,
) {
  return {
    ...(text && { caption: text }),
    ...(type === 'document' && fileName && { filename: fileName }),
    mime_type: mimeType,
    sha256: Buffer.from(sha256, 'hex').toString('base64'),
    id,
    ...(type === 'audio' && { voice: voice === true }),
  };
}

/** A message whose content can't be given. */
function unsupported(code: CloudCode, details = 'Message type is currently not supported.'): object {
  return { type: 'unsupported', errors: [errorOf(code, details)] };
}

/** What became of a message; Meta has no word for one that waits or whose outcome is not known. */
function statusChange(at: Date, { id, to, status, error, callbackData }: Status): Change | null {
  if (!['sent', 'delivered', 'read', 'failed'].includes(status)) return null;
  const code = CLOUD_CODES[(error?.code ?? 'INTERNAL') as ErrorCode] ?? 131000;
  const statuses = [
    {
      id: wamidOf(id),
      status,
      timestamp: seconds(at),
      recipient_id: waIdOf(to),
      ...(to.endsWith('@g.us') && { recipient_type: 'group' }),
      ...(callbackData !== undefined && { biz_opaque_callback_data: callbackData }),
      ...(error && { errors: [errorOf(code, error.message)] }),
    },
  ];
  return { field: 'messages', value: { statuses } };
}

/** A message that was edited, deleted, or reacted to. Own reactions are left out: those of this API look the same. */
async function changedChange(
  { id: eventId, type }: DeliveredEvent,
  data: Changed,
  context: EventContext,
): Promise<Change | null> {
  const { id, chatId, text = '', emoji = '', fromMe, at } = data;
  if (fromMe) return null;
  const from = waIdOf(data.from ?? authorOf(id, chatId));
  const original = await clientId(id, context);
  const head = { from, ...groupOf(chatId), id: wamidOf(eventId), timestamp: seconds(at) };
  const contents = {
    'message.edited': {
      type: 'edit',
      edit: { original_message_id: original, message: { type: 'text', text: { body: text } } },
    },
    'message.revoked': { type: 'revoke', revoke: { original_message_id: original } },
    'message.reaction': { type: 'reaction', reaction: { message_id: original, emoji } },
  };
  const messages = [{ ...head, ...contents[type as keyof typeof contents] }];
  return { field: 'messages', value: { contacts: [{ profile: {}, wa_id: from }], messages } };
}

/** Who wrote a message that came in, by WhatsApp's id of it: in a group its last part. */
function authorOf(messageId: string, chatId: string): string {
  return messageId.split('_')[3] ?? chatId;
}

/** The group of a message. */
function groupOf(chatId: string): { group_id?: string } {
  return chatId.endsWith('@g.us') ? { group_id: chatId } : {};
}

/** The id of a message for clients: it holds ours where this service has sent the message, else WhatsApp's. */
async function clientId(messageId: string, { idOfStanza }: EventContext): Promise<string> {
  const [fromMe, , stanzaId] = messageId.split('_');
  const ours = fromMe === 'true' && stanzaId ? await idOfStanza(stanzaId) : null;
  return wamidOf(ours ?? messageId);
}

/** An error as webhooks show it. */
function errorOf(code: CloudCode, details: string): object {
  const { title } = CLOUD_ERRORS[code];
  return { code, title, message: title, error_data: { details }, href: ERRORS_PAGE };
}

/** A time in seconds, as text. */
function seconds(at: Date | string): string {
  return String(Math.floor(new Date(at).getTime() / 1_000));
}
