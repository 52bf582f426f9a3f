/** Least time between two look-ups for one agent. */
const INTERVAL_MS = 250;

/**
 * Throttles the background look-up of an agent's key: the first wrong key starts one at once; those that follow within
 * `INTERVAL_MS` share one at its end. A stream of wrong keys can't flood the database, and the last one always has a
 * look-up after it, so that a new key is accepted soon after its first use.
 */
export function createKeyRefresh(refresh: (agentId: string) => void): (agentId: string) => void {
  const waiting = new Map<string, { again: boolean }>();

  /** Starts a look-up, and delays the next one of the agent. */
  function run(agentId: string): void {
    const wait = { again: false };
    waiting.set(agentId, wait);
    // After the response: even starting it would make a known agent's response slower than an unknown one's.
    setImmediate(refresh, agentId);
    setTimeout(() => {
      waiting.delete(agentId);
      if (wait.again) run(agentId);
    }, INTERVAL_MS).unref();
  }

  return (agentId) => {
    const wait = waiting.get(agentId);
    if (wait) wait.again = true;
    else run(agentId);
  };
}
