import type { ParsedMessage, ParsedStatus } from './inbox.ts';

/** A message as Meta's reference has it, of clients that pass it on as it is. */
export interface RawMessage {
  id: string;
  from?: string;
  type: string;
  text?: { body: string };
  context?: { id?: string };
  reaction?: { message_id: string; emoji?: string };
  [type: string]: unknown;
}

/** A status as Meta's reference has it. */
interface RawStatus {
  id: string;
  status: string;
  biz_opaque_callback_data?: string;
}

/** A change of a delivery. */
export interface RawChange {
  value: { messages?: RawMessage[]; statuses?: RawStatus[] };
}

/** A message in the suites' words. */
export function parsedMessage(message: RawMessage): ParsedMessage {
  const { id, from, type, text, context, reaction } = message;
  const media = message[type] as { id?: string; caption?: string } | undefined;
  return {
    ...{ id, from, type, quotedId: context?.id, mediaId: media?.id, text: text?.body ?? media?.caption },
    ...{ emoji: reaction?.emoji, reactedId: reaction?.message_id },
  };
}

/** A status in the suites' words. */
export function parsedStatus({ id, status, biz_opaque_callback_data: data }: RawStatus): ParsedStatus {
  return { id, status, data };
}
