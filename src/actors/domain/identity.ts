/** A WhatsApp address: `628…@c.us`, `…@g.us`, `…@lid`. */
export type Jid = string;

/** One user's agent: whatever is kept of an agent belongs to both, and never to another user's agent of that name. */
export interface AgentRef {
  readonly userId: number;
  readonly agentId: string;
}

/** What an agentId may be: safe as a folder name, a path segment and a metric label. */
export const AGENT_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
