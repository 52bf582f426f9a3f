import type { Jid } from '../../actors/domain/identity.ts';

/**
 * The other spelling of a number that has two, or null: Brazil's mobile numbers with and without the ninth digit,
 * Mexico's with and without the 1. WhatsApp has the account under one of them and answers a look-up of either.
 */
export function otherSpelling(jid: Jid): Jid | null {
  const brazil = /^55(\d\d)(9?)(\d{8}@c\.us)$/.exec(jid);
  if (brazil) return `55${brazil[1]}${brazil[2] ? '' : '9'}${brazil[3]}`;
  const mexico = /^52(1?)(\d{10}@c\.us)$/.exec(jid);
  return mexico && `52${mexico[1] ? '' : '1'}${mexico[2]}`;
}
