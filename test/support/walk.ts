import {
  type Actor,
  type AnyStateMachine,
  type AnyStateNode,
  createActor,
  type EventObject,
  type Snapshot,
} from 'xstate';

/** Input factory and payloads by event type of a walk. */
export interface WalkOptions {
  machine: AnyStateMachine;
  input: () => unknown;
  /** Payload variants by event type; other types are sent without a payload. */
  payloads?: Record<string, object[]>;
  /** The part of the context that distinguishes states; has to be bounded. */
  contextKey?: (context: never) => unknown;
}

/** An edge as `source -- event #n --> targets`, one per transition of the machine. */
export function edgesOf(machine: AnyStateMachine): Set<string> {
  const edges = new Set<string>();
  const visit = (node: AnyStateNode) => {
    for (const [, transitions] of node.transitions)
      for (const transition of transitions) edges.add(nameOf(transition));
    for (const transition of node.always ?? []) edges.add(nameOf(transition));
    for (const child of Object.values(node.states)) visit(child);
  };
  visit(machine.root);
  return edges;
}

/** The name of a transition with its guard, which distinguishes two on one event. */
function nameOf(transition: {
  source: AnyStateNode;
  eventType: string;
  target?: readonly AnyStateNode[];
  guard?: unknown;
}): string {
  const guard = transition.guard === undefined ? '' : ` [${JSON.stringify(transition.guard)}]`;
  const targets = transition.target?.map((node) => node.id).join(', ') ?? '(stays)';
  return `${transition.source.id} -- ${transition.eventType}${guard} --> ${targets}`;
}

/**
 * Walks a machine breadth first, each step on an actor of its own that continues from the snapshot before, and returns
 * the transitions that were taken and the number of states. Events that a state has no transition for are left out.
 */
export function walk({ machine, input, payloads = {}, contextKey = () => null }: WalkOptions) {
  const taken = new Set<string>();
  const seen = new Set<string>();
  const queue: { path: EventObject[]; from?: Snapshot<unknown> }[] = [{ path: [] }];
  const types = machine.events.filter((type) => !type.includes('*'));
  const candidates = types.flatMap((type) =>
    (payloads[type] ?? [{}]).map((payload) => ({ type, ...payload })),
  );

  /** Takes the last step of a path; returns the actor, still running. */
  const step = (path: EventObject[], from?: Snapshot<unknown>): Actor<AnyStateMachine> => {
    const actor = createActor(machine, {
      ...(from ? { snapshot: from } : { input: input() }),
      inspect: (event) => {
        if (event.type === '@xstate.microstep' && event.actorRef === actor) {
          for (const transition of event._transitions) taken.add(nameOf(transition as never));
        }
      },
    });
    actor.subscribe({
      error: (error) => {
        throw error;
      },
    });
    actor.start();
    const event = path.at(-1);
    if (event) actor.send(event);
    return actor;
  };

  while (queue.length > 0) {
    const { path, from } = queue.shift()!;
    const actor = step(path, from);
    const snapshot = actor.getSnapshot();
    const reached = actor.getPersistedSnapshot();
    const { value, status } = snapshot;
    actor.stop();
    const key = JSON.stringify([value, contextKey(snapshot.context as never), status]);
    if (seen.has(key)) continue;
    seen.add(key);
    if (status === 'error') throw new Error(`the machine died after ${JSON.stringify(path)}`);
    if (status !== 'active') continue;
    for (const event of candidates)
      if (machine.getTransitionData(snapshot, event).length > 0)
        queue.push({ path: [...path, event], from: reached });
  }
  return { taken, states: seen.size };
}
