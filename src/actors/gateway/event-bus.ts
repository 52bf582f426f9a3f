import { EventEmitter } from 'eventemitter3';
import type { GatewayEvents } from '../domain/gateway-events.ts';

/**
 * Publishes events to watchers: the log, the metrics, the event streams. A watcher that throws stops neither the other
 * watchers nor the publisher; its error is published as a `fault`.
 */
export class EventBus extends EventEmitter<GatewayEvents> {
  override emit<Name extends EventEmitter.EventNames<GatewayEvents>>(
    name: Name,
    ...values: EventEmitter.EventArgs<GatewayEvents, Name>
  ): boolean {
    const watchers = this.listeners(name) as ((...values: unknown[]) => void)[];
    for (const watcher of watchers) {
      try {
        watcher(...values);
      } catch (error) {
        this.#report(name, error);
      }
    }
    return watchers.length > 0;
  }

  /** Not supported: `emit` calls the listeners itself and would not remove this one. */
  override once(): never {
    throw new Error('Watchers subscribe with on().');
  }

  /** Publishes the error of a watcher; that of a watcher of faults goes to the console. */
  #report(name: keyof GatewayEvents, error: unknown): void {
    if (name === 'fault') console.error(error);
    else this.emit('fault', { agentId: null, where: 'listener', error });
  }
}
