import { isDatabaseAway } from '../domain/errors.ts';
import type { EpochMs, Scheduler } from '../domain/ports/clock.ts';
import type { InboundLog } from '../domain/ports/stores.ts';
import type { InboundMessage, WhatsAppClient } from '../domain/ports/whatsapp.ts';
import type { ActorSettings } from '../domain/settings.ts';
import { retry } from '../domain/timeout.ts';
import type { LiveAgent } from './ai-reply.ts';
import { MessageTime } from './message-time.ts';

const MAX_PER_CHAT = 50;
const FETCH_ATTEMPTS = 6;

/** What the backlogs of all agents share. */
export interface BacklogDeps {
  settings: ActorSettings;
  clock: Scheduler;
  inbound: InboundLog;
}

/** Which messages are too old to be answered, or older than the account's link; fetches those missed while away. */
export class Backlog {
  readonly #deps: BacklogDeps;
  readonly #agent: LiveAgent;
  readonly #time: MessageTime;
  /** When the account was linked, by WhatsApp's clock; null while unknown. */
  #linkedAt: (() => EpochMs) | null = null;

  constructor(deps: BacklogDeps, agent: LiveAgent) {
    this.#deps = deps;
    this.#agent = agent;
    this.#time = new MessageTime(deps.clock);
  }

  /**
   * The session became ready; returns the messages missed before that. `linkedAt` is the monotonic moment of a link made
   * in this session, null for a restored one. Retries until `signal` is aborted.
   */
  async open(
    client: WhatsAppClient,
    linkedAt: number | null,
    signal: AbortSignal,
  ): Promise<InboundMessage[]> {
    client.events.off('state', this.#onState).on('state', this.#onState);
    // A device that was just linked has no backlog: whatever it receives is new.
    if (linkedAt === null) this.#time.connected();
    else this.#linkedAt = () => this.#time.at(linkedAt);
    await this.#syncLink(linkedAt !== null, signal);
    const oldest = this.#time.now() - this.#deps.settings.limits.backlogMs;
    const since = Math.max(oldest, this.#linkedAt?.() ?? oldest);
    const missed = await this.#fetchMissed(client, since, signal);
    return missed.filter((message) => latestTime(message) >= since);
  }

  /** Learns WhatsApp's time from a message that was just received. */
  received({ timestamp }: InboundMessage): void {
    this.#time.seen(timestamp);
  }

  /** True when an answer would come too late to be of use. */
  isLate({ timestamp }: InboundMessage): boolean {
    return this.#time.now() - timestamp > this.#deps.settings.limits.backlogMs;
  }

  /** How long ago a message was written, in milliseconds. */
  ageOf({ timestamp }: InboundMessage): number {
    return Math.max(0, this.#time.now() - timestamp);
  }

  /** True for a message that was written before the account was linked. */
  isBeforeLink(message: InboundMessage): boolean {
    return this.#linkedAt !== null && latestTime(message) < this.#linkedAt();
  }

  /** A page that is busy after its start may not answer at first. */
  #fetchMissed(client: WhatsAppClient, since: EpochMs, signal: AbortSignal): Promise<InboundMessage[]> {
    const shouldRetry = (_error: unknown, attempt: number) =>
      attempt < FETCH_ATTEMPTS && this.#agent.client() === client;
    return this.#retry(() => client.fetchMissed({ since, perChat: MAX_PER_CHAT }), shouldRetry, signal);
  }

  /** Stores the moment of a new link for the next process, or reads that of an earlier one. */
  async #syncLink(isNew: boolean, signal: AbortSignal): Promise<void> {
    const { inbound, clock, settings } = this.#deps;
    const startedAt = clock.monotonic();
    const shouldRetry = (error: unknown) =>
      isDatabaseAway(error) && clock.monotonic() - startedAt < settings.limits.backlogMs;
    const agent = this.#agent.record();
    if (isNew) {
      const at = new Date(this.#linkedAt!());
      await this.#retry(() => inbound.link(agent, at), shouldRetry, signal);
    } else if (this.#linkedAt === null) {
      const at = await this.#retry(() => inbound.linkedAt(agent), shouldRetry, signal);
      if (at) this.#linkedAt ??= () => at.getTime();
    }
  }

  /** Calls again every `probeAgainMs` while `shouldRetry` allows it and `signal` is not aborted. */
  #retry<T>(
    call: () => Promise<T>,
    shouldRetry: (error: unknown, attempt: number) => boolean,
    signal: AbortSignal,
  ): Promise<T> {
    const { clock, settings } = this.#deps;
    return retry(call, { clock, everyMs: settings.limits.probeAgainMs, signal, shouldRetry });
  }

  /** The connection was lost or is back. */
  readonly #onState = (state: string) =>
    state === 'CONNECTED' ? this.#time.connected() : this.#time.disconnected();
}

/** The latest moment at which a message may have been written: WhatsApp's timestamps are whole seconds. */
function latestTime({ timestamp }: InboundMessage): EpochMs {
  return timestamp % 1_000 === 0 ? timestamp + 999 : timestamp;
}
