// A machine's chart as plain data: what is drawn, written as text, and compared with what was drawn.

/** The two machines of each agent that can be watched. */
export type MachineName = 'supervisor' | 'agent';

/** One way to leave a state, or to stay in it while something is done. */
export interface ChartTransition {
  /** The event's type as the machine knows it, e.g. `xstate.after.startLimit.agent.awaiting_qr.starting`. */
  event: string;
  /** The event in human words: `after startLimit`. */
  label: string;
  guard: string | null;
  actions: string[];
  /** Leaves the state and enters it again, although it leads back to it. */
  reenters: boolean;
}

/** All transitions of one (source, target) pair. */
export interface ChartEdge {
  /** `source → target`, the very string of `TransitionRecord.edges`. */
  edge: string;
  source: string;
  /** Paths; the source's own when the transition has no target. */
  targets: string[];
  transitions: ChartTransition[];
}

export interface ChartState {
  /** The path without the machine's name: `connected.healthy`. */
  path: string;
  /** The path of the state around it; empty at the top. */
  parent: string;
  kind: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  /** The path of the state that is entered first, if there is a choice. */
  initial: string | null;
  entry: string[];
  exit: string[];
  /** What runs as long as the state is active. */
  invokes: string[];
}

export interface ChartGraph {
  machine: MachineName;
  /** Changes with anything that is drawn. */
  hash: string;
  /** The top-level state that is entered first. */
  initial: string;
  /** In the order of the machine, parents before their children. */
  states: ChartState[];
  /** In the order of their sources. */
  edges: ChartEdge[];
}

/** What may happen next: a transition that leaves a live state, guarded or not. */
export interface NextTransition {
  event: string;
  /** Event and guard in human words: `after startLimit`, `client.qr [hasRefreshesLeft]`. */
  label: string;
  edge: string;
}
