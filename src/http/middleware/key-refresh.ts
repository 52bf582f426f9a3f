/** Milliseconds between two key look-ups of one agent, however many wrong keys come. */
const INTERVAL_MS = 250;

/**
 * Wraps the background look-up of an agent's key: the first wrong key asks at once; those that follow within
 * `INTERVAL_MS` share one look-up at its end. So a stream of wrong keys can't flood the database, and the last
 * of them is never forgotten: a new key passes soon after its first use.
 */
export function createKeyRefresh(refresh: (agentId: string) => void): (agentId: string) => void {
  const waiting = new Map<string, { again: boolean }>();

  /** Looks up, then keeps the agent quiet for a while. */
  function run(agentId: string): void {
    const wait = { again: false };
    waiting.set(agentId, wait);
    // Once the answer is out: even to begin it would make the answer of a known agent slower than that of an unknown one.
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
