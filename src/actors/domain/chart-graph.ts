// A machine's chart as plain data: what is drawn, written as text, and compared with what was drawn.

/** The two machines of each agent. */
export type MachineName = 'supervisor' | 'agent';

/** One transition of a state; without a target it only runs actions. */
export interface ChartTransition {
  /** The machine's type of the event, e.g. `xstate.after.startLimit.agent.awaiting_qr.starting`. */
  event: string;
  /** The event as text: `after startLimit`. */
  label: string;
  guard: string | null;
  actions: string[];
  /** Exits and re-enters the state although it leads back to it. */
  reenters: boolean;
}

/** All transitions of one (source, target) pair. */
export interface ChartEdge {
  /** `source → target`, as in `TransitionRecord.edges`. */
  edge: string;
  source: string;
  /** Paths; the source's own when the transition has no target. */
  targets: string[];
  transitions: ChartTransition[];
}

export interface ChartState {
  /** The path without the machine's name: `connected.healthy`. */
  path: string;
  /** The parent's path; empty at the top. */
  parent: string;
  kind: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  /** The path of the initial child state, or null. */
  initial: string | null;
  entry: string[];
  exit: string[];
  /** Actors that run while the state is active. */
  invokes: string[];
}

export interface ChartGraph {
  machine: MachineName;
  /** Changes with everything that is drawn. */
  hash: string;
  /** The initial top-level state. */
  initial: string;
  /** In the machine's order, parents before children. */
  states: ChartState[];
  /** Ordered by source. */
  edges: ChartEdge[];
}

/** A possible next transition of an active state, guarded or not. */
export interface NextTransition {
  event: string;
  /** Event and guard as text: `after startLimit`, `client.qr [hasRefreshesLeft]`. */
  label: string;
  edge: string;
}
