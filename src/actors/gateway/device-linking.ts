import type { Agent } from '../agent/agent.ts';
import type { PairingCode } from '../domain/commands.ts';
import { TEXTS } from '../domain/error-texts.ts';
import { GatewayError } from '../domain/errors.ts';
import type { Jid } from '../domain/identity.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { WebAuthnJson } from '../domain/ports/whatsapp.ts';
import type { ActorLimits } from '../domain/settings.ts';

// Ways to link a phone besides a scan: a passkey, and a code that is typed into it.

/** What the passkey has to sign. @throws GatewayError `SESSION_NOT_READY` */
export function passkeyChallenge({ connection: { passkey } }: Agent): WebAuthnJson {
  if (!passkey) throw noPasskey();
  if (passkey.challenge) return passkey.challenge;
  throw notReady('NO_CHALLENGE', TEXTS.SESSION_NOT_READY.noChallenge);
}

/** Refusal where no passkey is awaited. */
export function noPasskey(): GatewayError {
  return notReady('NO_PASSKEY', TEXTS.SESSION_NOT_READY.noPasskey);
}

/** Gives the page the assertion, once it has a challenge. @throws GatewayError `SESSION_NOT_READY`, `BAD_GATEWAY` */
export async function answerPasskey(agent: Agent, assertion: WebAuthnJson): Promise<undefined> {
  passkeyChallenge(agent);
  // There is a client in each state that awaits a passkey.
  await agent.connection.client!.answerPasskey(assertion);
}

/** Refusal where no QR is shown that a code could replace. */
export function noPairing(agents: Agent[], agent: Agent, number: Jid): GatewayError {
  if (agent.isConnected) return notReady('AGENT_LINKED', TEXTS.SESSION_NOT_READY.agentLinked);
  return numberLinked(agents, number) ?? notReady('NO_QR', TEXTS.SESSION_NOT_READY.noQrToReplace);
}

/** A code for the phone of this number. @throws GatewayError `SESSION_NOT_READY`, `BAD_GATEWAY` */
export async function pairingCode(
  agents: Agent[],
  agent: Agent,
  number: Jid,
  { clock, limits }: { clock: Clock; limits: Pick<ActorLimits, 'pairingCodeMs'> },
): Promise<PairingCode> {
  const refusal = numberLinked(agents, number);
  if (refusal) throw refusal;
  // There is a client in each state that shows a QR.
  const code = await agent.connection.client!.requestPairingCode(number.split('@')[0]!);
  return { code, expiresAt: clock.now() + limits.pairingCodeMs };
}

/** Refusal of a number that an agent is linked to: WhatsApp would log that device out. Null for any other number. */
function numberLinked(agents: Agent[], number: Jid): GatewayError | null {
  if (!agents.some(({ connection }) => connection.account === number)) return null;
  return notReady('NUMBER_LINKED', TEXTS.SESSION_NOT_READY.numberLinked);
}

/** A refusal because of the session's state. */
function notReady(reason: string, message: string): GatewayError {
  return new GatewayError('SESSION_NOT_READY', message, { details: { reason } });
}
