// The keys that this tab knows; they go with it.

/** What agents of the demo are created with. */
const DEMO_KEY = 'sandbox-key';
const TOKEN = 'token';

/** The key of an agent; at first the demo's. Null: it must be asked for. */
export function keyOf(agentId: string): string | null {
  return (sessionStorage.getItem(`key:${agentId}`) ?? DEMO_KEY) || null;
}

/** Keeps the key of an agent; an empty one is to be asked for. */
export function rememberKey(agentId: string, key: string): void {
  sessionStorage.setItem(`key:${agentId}`, key);
}

/** The service's `SESSIONS_TOKEN`, once it was asked for. */
export function serviceToken(): string | undefined {
  return sessionStorage.getItem(TOKEN) ?? undefined;
}

/** Keeps the service's token. */
export function rememberToken(token: string): void {
  sessionStorage.setItem(TOKEN, token);
}
