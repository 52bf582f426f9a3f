/** A WhatsApp address: `628…@c.us`, `…@g.us`, `…@lid`. */
export type Jid = string;

/** One user's agent. What is stored for an agent belongs to both ids, never to another user's agent of that agentId. */
export interface AgentRef {
  readonly userId: number;
  readonly agentId: string;
}

/** A valid agentId: safe as a folder name, a path segment and a metric label. */
export const AGENT_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/** A JID without its device: `628…:12@c.us` is `628…@c.us`. */
export function withoutDevice(jid: Jid): Jid {
  return jid.replace(/:\d+@/, '@');
}

/** True when `account` is the linked account, by number or by LID; a missing account counts as it. */
export function isAccountOf(me: { pn: Jid; lid?: Jid }, account: Jid | null | undefined): boolean {
  if (!account) return true;
  const bare = withoutDevice(account);
  return bare === withoutDevice(me.pn) || (me.lid !== undefined && bare === withoutDevice(me.lid));
}
