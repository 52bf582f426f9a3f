import { EventEmitter } from 'eventemitter3';
import type { GatewayEvents } from '../domain/gateway-events.ts';

/**
 * Tells the world what happens. A listener that throws is a fault of its own: whoever tells goes on. Without this a
 * queue whose message can't be announced would be taken up again and again.
 */
export class EventBus extends EventEmitter<GatewayEvents> {
  override emit<Name extends EventEmitter.EventNames<GatewayEvents>>(
    name: Name,
    ...told: EventEmitter.EventArgs<GatewayEvents, Name>
  ): boolean {
    try {
      return super.emit(name, ...told);
    } catch (error) {
      this.#tellError(error);
      return true;
    }
  }

  /** When not even a fault can be told, nobody is left to be told. */
  #tellError(error: unknown): void {
    try {
      super.emit('fault', { agentId: null, where: 'listener', error });
    } catch {
      console.error(error);
    }
  }
}
