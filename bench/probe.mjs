// Loaded into the measured service before its own code (`--import`): answers the bench's questions about memory and
// timers, and changes nothing. Costs nothing between two questions.
import { AdvanceableClock } from '../dist/infra/whatsapp/sandbox/advanceable-clock.js';

/** What the clock of actors and sandbox still has to ring for. */
const pending = new Set();

const { at, clearTimeout: clear } = AdvanceableClock.prototype;
AdvanceableClock.prototype.at = function (due, ring) {
  const task = at.call(this, due, () => {
    pending.delete(task);
    ring();
  });
  pending.add(task);
  return task;
};
AdvanceableClock.prototype.clearTimeout = function (task) {
  pending.delete(task);
  clear.call(this, task);
};

process.on('message', (question) => {
  if (question !== 'look') return;
  // The second collection takes what the first one's finalizers let go.
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, rss } = process.memoryUsage();
  const timers = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  process.send({ heapUsed, rss, timers, tasks: pending.size });
});
