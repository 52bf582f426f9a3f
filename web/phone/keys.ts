// API keys and the service's token, kept for this tab (sessionStorage).

/** The key of the demo's agents. */
const DEMO_KEY = 'sandbox-key';
const TOKEN = 'token';

/** The key of an agent, the demo's by default; null after it was forgotten. */
export function keyOf(agentId: string): string | null {
  return (sessionStorage.getItem(`key:${agentId}`) ?? DEMO_KEY) || null;
}

/** Keeps the key of an agent; an empty one is asked for at the next send. */
export function rememberKey(agentId: string, key: string): void {
  sessionStorage.setItem(`key:${agentId}`, key);
}

/** The service's `SESSIONS_TOKEN`; undefined before it was entered. */
export function serviceToken(): string | undefined {
  return sessionStorage.getItem(TOKEN) ?? undefined;
}

/** Keeps the service's token. */
export function rememberToken(token: string): void {
  sessionStorage.setItem(TOKEN, token);
}
