import {
  type AnyActorRef,
  type AnyStateMachine,
  type AnyStateNode,
  createActor,
  type EventObject,
} from 'xstate';

/** What a walk needs: fresh inputs, and for each event type the payloads worth trying. */
export interface WalkOptions {
  machine: AnyStateMachine;
  input: () => unknown;
  /** Payload variants by event type; a type that is not listed is sent bare. */
  payloads?: Record<string, object[]>;
  /** What of the context tells two states apart; keep it bounded. */
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

/** The name of one transition, its guard included: two on one event differ by it. */
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
 * Walks a machine breadth first, each path on a fresh actor, and tells which transitions were taken and which
 * events nobody handled without the actor dying.
 */
export function walk({ machine, input, payloads = {}, contextKey = () => null }: WalkOptions) {
  const taken = new Set<string>();
  const seen = new Set<string>();
  const queue: EventObject[][] = [[]];
  const types = machine.events.filter((type) => !type.includes('*'));
  const candidates = types.flatMap((type) =>
    (payloads[type] ?? [{}]).map((payload) => ({ type, ...payload })),
  );

  /** Plays a path; returns the actor, still running. */
  const play = (path: EventObject[]): AnyActorRef => {
    const actor = createActor(machine, {
      input: input(),
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
    for (const event of path) actor.send(event);
    return actor;
  };

  while (queue.length > 0) {
    const path = queue.shift()!;
    const actor = play(path);
    const snapshot = actor.getSnapshot();
    const { value, context, status } = snapshot as { value: unknown; context: never; status: string };
    actor.stop();
    const key = JSON.stringify([value, contextKey(context), status]);
    if (seen.has(key)) continue;
    seen.add(key);
    if (status === 'error') throw new Error(`the machine died after ${JSON.stringify(path)}`);
    if (status !== 'active') continue;
    for (const event of candidates) if (happens(snapshot, event)) queue.push([...path, event]);
  }
  return { taken, states: seen.size };
}

/** A child's failure can only happen where there is that child; every other event may come at any time. */
function happens(snapshot: { can(event: EventObject): boolean }, event: EventObject): boolean {
  return !event.type.startsWith('xstate.error.') || snapshot.can(event);
}
