import type { AgentRef } from '../../src/actors/domain/identity.ts';

/** An agent of a user, of user 1 unless another is named. */
export function agentRef(agentId: string, userId = 1): AgentRef {
  return { userId, agentId };
}
