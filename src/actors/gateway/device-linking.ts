import { TEXTS } from '../domain/error-texts.ts';
import { GatewayError } from '../domain/errors.ts';
import type { PairingCode } from '../domain/gateway-api.ts';
import type { Jid } from '../domain/identity.ts';
import type { Scheduler } from '../domain/ports/clock.ts';
import type { WebAuthnJson } from '../domain/ports/whatsapp.ts';
import type { ActorLimits } from '../domain/settings.ts';
import type { AgentRegistry } from './agent-registry.ts';

/** The ways to link a phone besides a scan: a passkey, and a code that is typed into it. */
export class DeviceLinking {
  readonly #agents: AgentRegistry;
  readonly #clock: Scheduler;
  readonly #limits: Pick<ActorLimits, 'pairingCodeMs'>;

  constructor(agents: AgentRegistry, clock: Scheduler, limits: Pick<ActorLimits, 'pairingCodeMs'>) {
    this.#agents = agents;
    this.#clock = clock;
    this.#limits = limits;
  }

  /** What a passkey has to sign. @throws GatewayError `SESSION_NOT_READY` */
  challenge(agentId: string): WebAuthnJson {
    return this.#asked(agentId).challenge;
  }

  /** Hands the page an assertion. @throws GatewayError `SESSION_NOT_READY`, `BAD_GATEWAY` */
  async answer(agentId: string, assertion: WebAuthnJson): Promise<void> {
    await this.#asked(agentId).client.answerPasskey(assertion);
  }

  /** A code for the phone of this number. @throws GatewayError `SESSION_NOT_READY`, `BAD_GATEWAY` */
  async pairingCode(agentId: string, number: Jid): Promise<PairingCode> {
    const agent = this.#agents.get(agentId);
    if (agent.isConnected) throw refusal('AGENT_LINKED', TEXTS.SESSION_NOT_READY.agentLinked);
    // WhatsApp would log out the device that is linked.
    if (this.#agents.all().some(({ account }) => account === number))
      throw refusal('NUMBER_LINKED', TEXTS.SESSION_NOT_READY.numberLinked);
    if (!agent.qr || !agent.client) throw refusal('NO_QR', TEXTS.SESSION_NOT_READY.noQrToReplace);
    const code = await agent.client.requestPairingCode(number.split('@')[0]!);
    return { code, expiresAt: this.#clock.now() + this.#limits.pairingCodeMs };
  }

  /** The client that waits for a passkey, and what for. */
  #asked(agentId: string) {
    const { passkey, client } = this.#agents.get(agentId);
    if (!passkey || !client) throw refusal('NO_PASSKEY', TEXTS.SESSION_NOT_READY.noPasskey);
    const { challenge } = passkey;
    if (!challenge) throw refusal('NO_CHALLENGE', TEXTS.SESSION_NOT_READY.noChallenge);
    return { challenge, client };
  }
}

/** A refusal that the session's state is the reason of. */
function refusal(reason: string, message: string): GatewayError {
  return new GatewayError('SESSION_NOT_READY', message, { details: { reason } });
}
