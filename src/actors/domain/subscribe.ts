import type { EventEmitter } from 'eventemitter3';

/**
 * Subscribes one listener per event.
 *
 * @returns what unsubscribes them
 * @example const stop = subscribe(system.events, { removed: (agentId) => forget(agentId) });
 */
export function subscribe<Events extends object>(
  events: EventEmitter<Events>,
  listeners: Partial<Events>,
): () => void {
  const emitter = events as unknown as EventEmitter;
  const entries = Object.entries(listeners) as [string, () => void][];
  for (const [name, listener] of entries) emitter.on(name, listener);
  return () => {
    for (const [name, listener] of entries) emitter.off(name, listener);
  };
}
