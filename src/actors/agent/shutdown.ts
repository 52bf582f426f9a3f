import { TEXTS } from '../domain/error-texts.ts';
import { GatewayError } from '../domain/errors.ts';
import type { AgentRef } from '../domain/identity.ts';
import type { Scheduler } from '../domain/ports/clock.ts';
import type { MessageLog } from '../domain/ports/stores.ts';
import type { ActorSettings } from '../domain/settings.ts';
import { withTimeout } from '../domain/timeout.ts';
import type { AiReplies } from '../inbound/ai-reply.ts';
import type { Inbound } from '../inbound/inbound.ts';
import { messageError } from '../outbound/deliver.ts';
import type { Sender } from '../outbound/sender.ts';
import type { ActorSystem } from '../session/actor-system.ts';
import type { StartWaiters } from './start-waiters.ts';

/** What the endings of all agents share. */
export interface ShutdownDeps {
  messages: Pick<MessageLog, 'failPending'>;
  clock: Scheduler;
  settings: ActorSettings;
}

/** The agent that ends. */
interface StoppingAgent {
  readonly record: AgentRef;
  readonly sender: Sender;
  readonly inbound: Inbound;
  readonly aiReplies: AiReplies;
  readonly startWaiters: StartWaiters;
  readonly actorSystem: ActorSystem;
  readonly isBooted: boolean;
  boot(): Promise<void>;
}

/** Stops an agent with the service, or removes it; those who wait for it get the reason. */
export class Shutdown {
  readonly #deps: ShutdownDeps;
  readonly #agent: StoppingAgent;
  #ended: AbortController | null = null;

  constructor(deps: ShutdownDeps, agent: StoppingAgent) {
    this.#deps = deps;
    this.#agent = agent;
  }

  /** Aborted when the agent ends, with a `GatewayError` that says how: what runs for a caller ends with it. */
  get signal(): AbortSignal {
    return this.#controller().signal;
  }

  /** With the service: lets turns, runs and the message in flight finish for `patienceMs`, then closes the client. */
  async stop(patienceMs: number): Promise<void> {
    const { sender, inbound, aiReplies, actorSystem, isBooted } = this.#agent;
    const { dispatcher } = sender;
    const stopping = new GatewayError('SHUTTING_DOWN', TEXTS.SHUTTING_DOWN.service);
    const impatience = setTimeout(() => {
      dispatcher.close();
      dispatcher.releaseWaiters();
      // A run whose reply is stored is answered with it before the others are cut.
      setImmediate(() => this.#tell(stopping));
    }, patienceMs);
    // Their replies may still leave.
    await Promise.all([inbound.stop(patienceMs), aiReplies.settled()]);
    dispatcher.stopTaking();
    await dispatcher.drained();
    clearTimeout(impatience);
    dispatcher.releaseWaiters();
    this.#tell(stopping);
    // One that could not be booted has no supervisor that would ever answer.
    if (!isBooted) return actorSystem.kill();
    const ended = actorSystem.ended();
    actorSystem.command({ type: 'supervisor.stop' });
    await ended;
  }

  /**
   * For good: its messages fail, its device is unlinked, its credentials are deleted. The record is the caller's.
   * @throws GatewayError `DATABASE_UNAVAILABLE` with nothing done, or `INTERNAL` when its client does not end in time
   */
  async remove(traceId: string): Promise<void> {
    const { record, sender, inbound, actorSystem } = this.#agent;
    const { messages, clock, settings } = this.#deps;
    const gone = new GatewayError('SESSION_NOT_FOUND', TEXTS.SESSION_NOT_FOUND.deleted);
    // First what may be refused: without a database nothing is touched.
    await this.#agent.boot();
    await messages.failPending(record, messageError(gone));
    sender.dispatcher.failAll(messageError(gone));
    this.#tell(gone);
    const ended = actorSystem.ended();
    actorSystem.command({ type: 'session.remove', traceId });
    const { unlinkMs, logoutMs, closeMs } = settings.limits;
    const late = () => new GatewayError('INTERNAL', TEXTS.INTERNAL.clientNotStopped);
    await withTimeout(clock, ended, unlinkMs + 2 * (logoutMs + closeMs), late);
    await inbound.stop(0);
  }

  /** Ends what runs for callers, and their waiting for a start. */
  #tell(how: GatewayError): void {
    this.#controller().abort(how);
    this.#agent.startWaiters.close();
  }

  /** Made for the first caller. */
  #controller(): AbortController {
    this.#ended ??= new AbortController();
    return this.#ended;
  }
}
