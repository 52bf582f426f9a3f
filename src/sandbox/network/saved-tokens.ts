import type { AgentRef } from '../../actors/domain/identity.ts';
import type { Account } from './types.ts';
import type { World } from './world.ts';

/** The device tokens that the in-process driver keeps for its agents, one per agentId. */
export class SavedTokens {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** The token of an agent; null when there is none, or when it is of another user's agent with that id. */
  of({ userId, agentId }: AgentRef): string | null {
    const saved = this.#world.store.saved.get(agentId);
    return saved && saved.userId === userId ? saved.token : null;
  }

  save({ userId, agentId }: AgentRef, token: string): void {
    this.#world.store.commit({ kind: 'save', agentId, userId, token });
    this.#world.events.emit('changed');
  }

  forget(agent: AgentRef): void {
    if (this.of(agent) !== null) this.#delete(agent.agentId);
  }

  /** Deletes the token that another user's agent with the same id has left. */
  claim({ userId, agentId }: AgentRef): void {
    const saved = this.#world.store.saved.get(agentId);
    if (saved && saved.userId !== userId) this.#delete(agentId);
  }

  /** Assigns tokens without a user to these agents; those of no agent get user 0. */
  adopt(agents: readonly AgentRef[]): void {
    const users = new Map([...agents].reverse().map(({ userId, agentId }) => [agentId, userId]));
    for (const [agentId, { userId, token }] of this.#world.store.saved)
      if (userId === undefined && agents.length > 0)
        this.#world.store.commit({ kind: 'save', agentId, userId: users.get(agentId) ?? 0, token });
  }

  /** The agents with a token, and the account it links them to; null where it was unlinked since. */
  agents(): { agentId: string; account: Account | null }[] {
    const { saved, tokens, accounts } = this.#world.store;
    return [...saved].map(([agentId, { token }]) => ({
      agentId,
      account: accounts.get(tokens.get(token) ?? '') ?? null,
    }));
  }

  /** A message id from the sequence of the account that the agent is linked to. */
  newStanzaId(agentId: string): string {
    const { seeded, store } = this.#world;
    const writer = store.tokens.get(store.saved.get(agentId)?.token ?? '') ?? agentId;
    return `3EB0${seeded.hex(`message:${writer}`, 18)}`;
  }

  #delete(agentId: string): void {
    this.#world.store.commit({ kind: 'forget', agentId });
    this.#world.events.emit('changed');
  }
}
