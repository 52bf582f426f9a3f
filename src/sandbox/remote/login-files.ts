import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentRef } from '../../actors/domain/identity.ts';

/** What a session needs of its login. */
export type Login = Pick<LoginFiles, 'read' | 'write'>;

/** The logins of agents on a simulated WhatsApp in another process: a file in each agent's folder, as a browser's profile. */
export class LoginFiles {
  readonly #dir: string;

  constructor(authDir: string) {
    this.#dir = authDir;
  }

  /** The token of an agent; null when there is none, or when it is of another user's agent with that id. */
  read({ userId, agentId }: AgentRef): string | null {
    const path = this.#pathOf(agentId);
    if (!existsSync(path)) return null;
    const login = JSON.parse(readFileSync(path, 'utf8')) as { userId: number; token: string };
    return login.userId === userId ? login.token : null;
  }

  /** Replaces the token, in one step. */
  write({ userId, agentId }: AgentRef, token: string): void {
    const path = this.#pathOf(agentId);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(`${path}.new`, JSON.stringify({ userId, token }), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }

  /** Deletes the token; nothing when there is none, or another user's. */
  remove(agent: AgentRef): void {
    if (this.read(agent) !== null) rmSync(this.#pathOf(agent.agentId), { force: true });
  }

  /** Deletes the token that another user's agent with the same id has left. */
  claim(agent: AgentRef): void {
    if (this.read(agent) === null) rmSync(this.#pathOf(agent.agentId), { force: true });
  }

  #pathOf(agentId: string): string {
    return join(this.#dir, agentId, 'session', 'login.json');
  }
}
