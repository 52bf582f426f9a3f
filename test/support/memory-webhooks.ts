import { randomUUID } from 'node:crypto';
import type { AgentRef } from '../../src/actors/domain/identity.ts';
import type {
  Delivery,
  OnPublished,
  StoredWebhook,
  TakenDelivery,
  WebhookEvent,
  WebhookStore,
} from '../../src/actors/domain/ports/webhooks.ts';

interface Row extends Delivery {
  webhookId: string;
  since: Date;
}

/** Webhooks and their outbox in memory. */
export class MemoryWebhooks implements WebhookStore {
  readonly webhooks = new Map<string, StoredWebhook>();
  rows: Row[] = [];
  readonly #keys = new Set<string>();
  readonly #sequences = new Map<string, number>();
  #position = 0;
  onPublished: OnPublished = () => {};

  load = async () => [...this.webhooks.values()];

  async insert(webhook: StoredWebhook): Promise<boolean> {
    this.webhooks.set(webhook.id, webhook);
    return true;
  }

  async update(webhook: StoredWebhook): Promise<void> {
    if (this.webhooks.has(webhook.id)) this.webhooks.set(webhook.id, webhook);
  }

  async remove(id: string): Promise<void> {
    this.webhooks.delete(id);
    this.rows = this.rows.filter((row) => row.webhookId !== id);
  }

  async backlogs(ids: string[]) {
    return new Map(
      ids.map((id) => {
        const waiting = this.#waiting(id);
        const dead = this.rows.filter((row) => row.webhookId === id && row.status === 'dead').length;
        return [id, { waiting: waiting.length, dead, oldestAt: waiting[0]?.at ?? null }];
      }),
    );
  }

  async record({ userId, agentId }: AgentRef, { type, at, data, key }: WebhookEvent): Promise<void> {
    const claim = `${userId} ${agentId} ${type} ${key}`;
    if (key !== undefined && this.#keys.has(claim)) return;
    this.#keys.add(claim);
    for (const webhook of this.webhooks.values()) {
      const isOfAgent = webhook.userId === userId && webhook.agentId === agentId;
      const isWanted = webhook.verifiedAt && webhook.events.some((each) => each === '*' || each === type);
      if (!isOfAgent || !isWanted) continue;
      this.#position += 1;
      const open = { status: 'waiting', sequence: null, attempts: 0, error: null } as const;
      const position = String(this.#position);
      const event = { agentId, type, at, since: at, data: JSON.parse(JSON.stringify(data)) };
      this.rows.push({ id: randomUUID(), webhookId: webhook.id, position, ...event, ...open });
    }
    this.onPublished(type, [{ userId, agentId }]);
  }

  recorded: WebhookStore['recorded'] = async ({ userId, agentId }, type, keys) =>
    new Set(keys.filter((key) => this.#keys.has(`${userId} ${agentId} ${type} ${key}`)));

  waiting = async (ids: string[]) => ids.filter((id) => this.#waiting(id).length > 0);

  async take(id: string, limit: number): Promise<TakenDelivery[]> {
    return this.#waiting(id)
      .slice(0, limit)
      .map((row) => {
        if (row.sequence === null) {
          row.sequence = (this.#sequences.get(id) ?? 0) + 1;
          this.#sequences.set(id, row.sequence);
        }
        return { ...row, sequence: row.sequence };
      });
  }

  async delivered(deliveryId: string): Promise<void> {
    this.rows = this.rows.filter(({ id }) => id !== deliveryId);
  }

  async failed(deliveryId: string, error: string): Promise<void> {
    for (const row of this.rows)
      if (row.id === deliveryId) Object.assign(row, { error, attempts: row.attempts + 1 });
  }

  async giveUp(id: string, since: Date): Promise<number> {
    const old = this.#waiting(id).filter((row) => row.since <= since);
    for (const row of old) row.status = 'dead';
    return old.length;
  }

  async deliveries(id: string, { status, before, limit }: Parameters<WebhookStore['deliveries']>[1]) {
    return this.rows
      .filter((row) => row.webhookId === id && row.status === status)
      .filter((row) => before === undefined || Number(row.position) < Number(before))
      .reverse()
      .slice(0, limit);
  }

  async redrive(id: string, deliveryId: string, at: Date): Promise<Delivery | null> {
    const row = this.rows.find((each) => each.webhookId === id && each.id === deliveryId);
    if (row?.status === 'dead') Object.assign(row, { status: 'waiting', since: at });
    return row ?? null;
  }

  /** In the order of delivery. */
  #waiting(id: string): Row[] {
    const order = ({ sequence, position }: Row) => sequence ?? Number.MAX_SAFE_INTEGER / 2 + Number(position);
    return this.rows
      .filter((row) => row.webhookId === id && row.status === 'waiting')
      .sort((one, other) => order(one) - order(other));
  }
}
