import { z } from 'zod';
import { SESSION_STATES } from '../../actors/domain/ports/stores.ts';
import { account, behaviour, line, moment } from '../network/schemas.ts';

// What the sandbox's control API answers beside what the network keeps (`network/schemas.ts`).

export const phone = z
  .strictObject({
    agentId: z.string(),
    agentName: z.string().nullable().meta({ description: 'Null: the service no longer has the agent.' }),
    status: z.enum(SESSION_STATES).nullable(),
    reason: z.string().nullable(),
    qr: z.strictObject({ code: z.string(), issuedAt: moment, expiresAt: moment.optional() }).nullable(),
    linked: z.boolean(),
    account: account.nullable(),
    line: line.nullable(),
    devices: z.array(z.string()).meta({ description: 'The state of each open device.' }),
  })
  .meta({ id: 'Phone' });

export const fixedNumber = behaviour.extend({ jid: z.string() }).meta({ id: 'FixedNumber' });

export const clock = z
  .strictObject({
    now: z.iso.datetime(),
    advancedMs: z.int().meta({ description: 'How far it is before the clock of the host.' }),
  })
  .meta({ id: 'Clock' });

export const assertion = z
  .strictObject({
    id: z.string(),
    rawId: z.string(),
    type: z.literal('public-key'),
    response: z.strictObject({
      clientDataJSON: z.string(),
      authenticatorData: z.string(),
      signature: z.string(),
    }),
    clientExtensionResults: z.strictObject({}),
  })
  .meta({ id: 'Assertion', description: 'A WebAuthn `AuthenticationResponseJSON`.' });

export const done = z.strictObject({ ok: z.literal(true) }).meta({ id: 'Done' });
