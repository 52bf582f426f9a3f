import type { z } from 'zod';
import { TEXTS } from '../../../actors/domain/error-texts.ts';
import { KINDS } from '../../../actors/domain/message-content.ts';
import type { CloudCode } from '../../../infra/cloud-errors.ts';
import { idOfWamid, partsOfMediaId } from '../../../infra/cloud-ids.ts';
import { faultsOf, zodErrorMap } from '../../../infra/zod-error-map.ts';
import { jsonFault } from '../../middleware/json-limits.ts';
import { refused } from './cloud-problem.ts';

type Fields = Record<string, unknown>;

/** A value as its schema returns it. @throws GatewayError `INVALID_PAYLOAD` with Meta's code for the first fault */
export function parseCloud<Value>(schema: z.ZodType<Value>, value: unknown): Value {
  const parsed = schema.safeParse(value, { error: zodErrorMap });
  if (parsed.success) return parsed.data;
  const [first] = parsed.error.issues;
  throw refused(codeOf(first!, value), faultsOf(parsed.error).slice(0, 20), TEXTS.INVALID_PAYLOAD.seeDetails);
}

/** Meta's code for a fault of a value. */
function codeOf({ code, path }: z.core.$ZodIssue, value: unknown): CloudCode {
  if (code === 'unrecognized_keys') return 100;
  const found = path.reduce<unknown>((inner, key) => (inner as Fields | undefined)?.[String(key)], value);
  return found === undefined ? 131008 : 131009;
}

/**
 * A message in the one form that our schemas have: Meta also takes JSON text for contacts, digits for the point of a
 * location, no `type` for a text, and no emoji to take a reaction back; its ids hold ours.
 *
 * @throws GatewayError `INVALID_PAYLOAD` for a type that WhatsApp Web can't send
 */
export function plainMessage(body: Fields): Fields {
  const { type = 'text', to, context, recipient_type: recipientType } = body;
  if (typeof type === 'string' && !isSendable(type)) {
    const text = TEXTS.INVALID_PAYLOAD.typeNotSendable(type.slice(0, 50));
    throw refused(131051, [{ path: '', message: text }], text);
  }
  const name = typeof type === 'string' ? type : '';
  return {
    ...body,
    type,
    to: typeof to === 'string' ? plainAddress(to, recipientType === 'group') : to,
    ...(isFields(context) && { context: withMessageId(context) }),
    ...(body[name] !== undefined && { [name]: plainContent(name, body[name]) }),
  };
}

/** True for the types of messages that are sent; edits and revocations are calls of their own. */
function isSendable(type: string): boolean {
  return Object.hasOwn(KINDS, type) && type !== 'edit' && type !== 'revoke';
}

/** Meta's numbers are international with or without `+`; an id of a group may come without its domain. */
function plainAddress(to: string, isGroup: boolean): string {
  if (isGroup && /^[\d-]+$/.test(to)) return `${to}@g.us`;
  return /^[1-9]\d*$/.test(to) ? `+${to}` : to;
}

/** The content of a message in the form of its schema. */
function plainContent(type: string, content: unknown): unknown {
  if (type === 'contacts' && typeof content === 'string') return fromJson(content);
  if (!isFields(content)) return content;
  if (type === 'reaction') return withMessageId({ emoji: '', ...content });
  if (type === 'location') {
    const { latitude, longitude } = content;
    return { ...content, latitude: numberOf(latitude), longitude: numberOf(longitude) };
  }
  const parts = typeof content.id === 'string' ? partsOfMediaId(content.id) : null;
  return parts ? { ...content, id: parts.fileId } : content;
}

/** The contacts in a JSON text, or the text when it is none. */
function fromJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return text;
  }
  const fault = jsonFault(value, ['contacts']);
  if (fault) throw refused(131009, [fault], TEXTS.INVALID_PAYLOAD.seeDetails);
  return value;
}

/** Fields whose `message_id` is one of ours or WhatsApp's. */
export function withMessageId(fields: Fields): Fields {
  const { message_id: id } = fields;
  return typeof id === 'string' ? { ...fields, message_id: idOfWamid(id) } : fields;
}

/** The number that a text of digits stands for; any other value is returned as it is. */
function numberOf(value: unknown): unknown {
  return typeof value === 'string' && /^-?\d{1,3}(\.\d+)?$/.test(value) ? Number(value) : value;
}

/** True for an object with fields. */
function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
