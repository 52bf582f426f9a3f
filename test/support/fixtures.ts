import type { AgentRef } from '../../src/actors/domain/identity.ts';

/** The numbers that agents of the tests are linked to, and a person who writes to them. */
export const BOT = '6281111111111';
export const BOT_CHAT = `${BOT}@c.us`;
export const OTHER_BOT = '6281111111112';
export const CUSTOMER = '6281234567890';
export const CUSTOMER_CHAT = `${CUSTOMER}@c.us`;

/** The key of every agent of the tests; the phone page tries it first. */
export const KEY = 'sandbox-key';
export const BEARER = { authorization: `Bearer ${KEY}` };

/** Environment of a service without an effective rate limit. */
export const UNLIMITED = { SEND_RATE_PER_MINUTE: '600000', SEND_BURST: '10000' };

/** A PNG of one pixel. */
export const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

/** An agent of user 1, unless another is named. */
export function agentRef(agentId: string, userId = 1): AgentRef {
  return { userId, agentId };
}

/** The body of `POST /sessions` for an agent; the name is the id with a capital. */
export function agentSpec(
  agentId: string,
  { userId = 1, apikey = KEY }: { userId?: number; apikey?: string | undefined } = {},
) {
  return { userId, agentId, agentName: agentId.charAt(0).toUpperCase() + agentId.slice(1), apikey };
}
