import { setMaxListeners } from 'node:events';
import { TEXTS } from '../domain/error-texts.ts';
import { GatewayError } from '../domain/errors.ts';
import type { AgentRef } from '../domain/identity.ts';
import type { Scheduler } from '../domain/ports/clock.ts';
import type { MessageLog } from '../domain/ports/stores.ts';
import type { ActorSettings } from '../domain/settings.ts';
import { withTimeout } from '../domain/timeout.ts';
import type { AiRuns } from '../inbound/ai-runs.ts';
import type { Handover } from '../inbound/handover.ts';
import type { Inbound } from '../inbound/inbound.ts';
import { messageError } from '../outbound/deliver.ts';
import type { Sender } from '../outbound/sender.ts';
import type { ActorSystem } from '../session/actor-system.ts';
import type { StartWaiters } from './start-waiters.ts';

/** What the shutdowns of all agents share. */
export interface ShutdownDeps {
  messages: Pick<MessageLog, 'failPending'>;
  clock: Scheduler;
  settings: ActorSettings;
}

/** The parts of an agent that are shut down. */
export interface ShutdownParts {
  ref: AgentRef;
  sender: Sender;
  inbound: Inbound;
  aiRuns: AiRuns;
  handover: Handover;
  startWaiters: StartWaiters;
  actorSystem: ActorSystem;
  boot(): Promise<void>;
}

/** Stops an agent with the service, or removes it; waiting callers get the reason. */
export class Shutdown {
  readonly #deps: ShutdownDeps;
  readonly #parts: ShutdownParts;
  /** Created for the first caller. */
  #callers: AbortController | null = null;

  constructor(deps: ShutdownDeps, parts: ShutdownParts) {
    this.#deps = deps;
    this.#parts = parts;
  }

  /** Aborted at the shutdown, with a `GatewayError` as its reason: what runs for a caller ends with it. */
  get signal(): AbortSignal {
    return this.#controller().signal;
  }

  /** With the service: lets turns, runs and the message in flight finish for `patienceMs`, then closes the client. */
  async stop(patienceMs: number): Promise<void> {
    const { sender, inbound, aiRuns, handover, actorSystem } = this.#parts;
    const { dispatcher } = sender;
    const stopping = new GatewayError('SHUTTING_DOWN', TEXTS.SHUTTING_DOWN.service);
    const impatience = setTimeout(() => {
      dispatcher.close();
      dispatcher.releaseWaiters();
      // A run whose reply is stored gets its response before the others are aborted.
      setImmediate(() => this.#abortCallers(stopping));
    }, patienceMs);
    // Their replies may still leave.
    await Promise.all([inbound.stop(patienceMs), aiRuns.settled()]);
    await handover.close();
    dispatcher.stopTaking();
    await dispatcher.drained();
    clearTimeout(impatience);
    dispatcher.releaseWaiters();
    this.#abortCallers(stopping);
    await actorSystem.stop();
  }

  /**
   * Permanently: its messages fail, its device is unlinked, its credentials are deleted. The caller deletes the record.
   * @throws GatewayError `DATABASE_UNAVAILABLE` with nothing done, `SHUTTING_DOWN` when the service stops first, or
   * `INTERNAL` when its client does not stop in time
   */
  async remove(traceId: string): Promise<void> {
    const { ref, sender, inbound, handover, actorSystem, boot } = this.#parts;
    const { messages, clock, settings } = this.#deps;
    const gone = new GatewayError('SESSION_NOT_FOUND', TEXTS.SESSION_NOT_FOUND.deleted);
    // First what may fail: without a database nothing is touched.
    await boot();
    actorSystem.assertOpen();
    await messages.failPending(ref, messageError(gone));
    sender.dispatcher.failAll(messageError(gone));
    this.#abortCallers(gone);
    const stopped = actorSystem.stopped();
    actorSystem.command({ type: 'session.remove', traceId });
    const { unlinkMs, logoutMs, closeMs } = settings.limits;
    const late = () => new GatewayError('INTERNAL', TEXTS.INTERNAL.clientNotStopped);
    await withTimeout(clock, stopped, unlinkMs + 2 * (logoutMs + closeMs), late);
    // Stopped with the service: the device is still linked, so the record stays.
    actorSystem.assertOpen();
    await inbound.stop(0);
    await handover.close();
  }

  /** Aborts what runs for callers, and their waiting for a start. */
  #abortCallers(reason: GatewayError): void {
    this.#controller().abort(reason);
    this.#parts.startWaiters.close();
  }

  #controller(): AbortController {
    if (this.#callers) return this.#callers;
    this.#callers = new AbortController();
    // Each running call listens to it.
    setMaxListeners(0, this.#callers.signal);
    return this.#callers;
  }
}
