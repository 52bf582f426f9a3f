import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import type { SandboxApi } from './sandbox-api.ts';

/** The result of a comparison with the network's own record. */
export interface Findings {
  accepted: number;
  lost: number;
  duplicates: number;
  inversions: number;
  /** Copies of the message that was sent most often. */
  mostCopies: number;
}

/** A message with these words. */
export type Compose = (words: string) => string | object;

/** An agent that writes numbered messages to a customer, and the answers it received. */
export class Stream {
  readonly agentId: string;
  readonly number: string;
  readonly accepted = new Map<string, string>();
  /** Answers other than 202, as `status code`. */
  readonly refusals: string[] = [];
  /** The recipient. */
  readonly customer: string;
  readonly #compose: Compose;
  #next = 1;

  /** `customer` distinguishes several streams of one agent; it writes texts unless `compose` makes something else. */
  constructor(index: number, customer = index, compose: Compose = (words) => words) {
    this.#compose = compose;
    this.agentId = `agent-${index}`;
    this.number = `6281100000${String(index).padStart(3, '0')}`;
    this.customer = `6281200000${String(customer).padStart(3, '0')}@c.us`;
  }

  /** Accepts up to `count` texts one by one, until the service is gone or refuses. */
  async write(service: SandboxApi, count: number): Promise<void> {
    for (let written = 0; written < count; written += 1) {
      const text = String(this.#next++);
      const message = this.#compose(text);
      const answer = await service.accept(this.agentId, this.customer, message).catch(() => null);
      if (!answer) return;
      if (answer.status === 202) this.accepted.set(text, String(answer.body.id));
      else {
        this.refusals.push(`${answer.status} ${answer.body.error?.code}`);
        return;
      }
      // Yields, so that agents take turns.
      await delay(0);
    }
  }

  /** Waits until all accepted texts have an outcome, then compares them with the network's. */
  async audit(service: SandboxApi): Promise<Findings & { statuses: Record<string, number> }> {
    const statuses = await service.settled(this.agentId, [...this.accepted.values()]);
    const texts = await service.sentTexts(this.agentId, this.customer);
    return { statuses, ...compare([...this.accepted.keys()], texts) };
  }
}

/** The audits of several streams; fails unless every accepted text was sent. */
export async function auditAll(service: SandboxApi, streams: readonly Stream[]): Promise<Findings[]> {
  const audits = [];
  for (const stream of streams) {
    const { statuses, ...found } = await stream.audit(service);
    expect(statuses, `outcomes of ${stream.agentId}`).to.deep.equal(
      found.accepted > 0 ? { sent: found.accepted } : {},
    );
    audits.push(found);
  }
  return audits;
}

/** Compares the numbered texts that were accepted with those that arrived. */
function compare(accepted: readonly string[], arrived: readonly string[]): Findings {
  const copies = new Map<string, number>();
  for (const text of arrived) copies.set(text, (copies.get(text) ?? 0) + 1);
  const firsts = [...copies.keys()].map(Number);
  return {
    accepted: accepted.length,
    lost: accepted.filter((text) => !copies.has(text)).length,
    duplicates: arrived.length - copies.size,
    inversions: firsts.filter((each, index) => index > 0 && each < firsts[index - 1]!).length,
    mostCopies: Math.max(0, ...copies.values()),
  };
}

/** The sum of several findings. */
export function total(findings: readonly Findings[]): Findings {
  const sum = (of: (each: Findings) => number) => findings.reduce((all, each) => all + of(each), 0);
  return {
    accepted: sum(({ accepted }) => accepted),
    lost: sum(({ lost }) => lost),
    duplicates: sum(({ duplicates }) => duplicates),
    inversions: sum(({ inversions }) => inversions),
    mostCopies: Math.max(...findings.map(({ mostCopies }) => mostCopies)),
  };
}
