// Loaded into the measured service before its own code (`--import`): reports memory and timers on request, sends from
// phones of the simulated WhatsApp, and records when devices receive messages. Changes nothing else.
import { AdvanceableClock } from '../dist/sandbox/network/advanceable-clock.js';
import { SandboxNetwork } from '../dist/sandbox/network/network.js';

/** Pending timers of the clock of actors and sandbox. */
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

/** Memory in bytes after a full garbage collection, and pending timers. */
function look() {
  // The second collection frees what the first one's finalizers released.
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, rss } = process.memoryUsage();
  const timers = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  return { heapUsed, rss, timers, tasks: pending.size };
}

/** The simulated network; null before its first device. */
let network = null;
/** When each message of a phone reached its agent's device: `[owner, id, nanoseconds of the machine's clock]`. */
const received = [];

const { openDevice } = SandboxNetwork.prototype;
SandboxNetwork.prototype.openDevice = function (options) {
  if (network !== this) watch(this);
  return openDevice.call(this, options);
};

/** Records the messages of this network just before its devices emit them. */
function watch(found) {
  network = found;
  const { events } = network;
  const emit = events.emit.bind(events);
  events.emit = (name, ...args) => {
    if (name === 'message' && !args[1].fromMe)
      received.push([args[0], args[1].id, String(process.hrtime.bigint())]);
    return emit(name, ...args);
  };
}

const answers = {
  look,
  received: () => received.splice(0),
};

process.on('message', ({ ask, write }) => {
  if (write) network.write(write.from, { to: write.to, text: write.text });
  else process.send({ answer: answers[ask]() });
});
