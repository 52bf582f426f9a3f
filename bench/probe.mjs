// Loaded into the measured service before its own code (`--import`): looks at memory and timers when it is asked to,
// lets phones of the simulated WhatsApp write, and notes when the service heard of it. Changes nothing else.
import { AdvanceableClock } from '../dist/sandbox/network/advanceable-clock.js';
import { SandboxNetwork } from '../dist/sandbox/network/network.js';

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

/** Memory in bytes after a full collection, and timers that wait. */
function look() {
  // The second collection takes what the first one's finalizers let go.
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, rss } = process.memoryUsage();
  const timers = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  return { heapUsed, rss, timers, tasks: pending.size };
}

/** The simulated network, once a device of it was opened. */
let network = null;
/** When each message of a phone reached its agent's device: `[owner, id, nanoseconds of the machine's clock]`. */
const heard = [];

const { openDevice } = SandboxNetwork.prototype;
SandboxNetwork.prototype.openDevice = function (options) {
  if (network !== this) watch(this);
  return openDevice.call(this, options);
};

/** Notes the messages of this network just before its devices tell of them. */
function watch(found) {
  network = found;
  const { events } = network;
  const emit = events.emit.bind(events);
  events.emit = (name, ...told) => {
    if (name === 'message' && !told[1].fromMe)
      heard.push([told[0], told[1].id, String(process.hrtime.bigint())]);
    return emit(name, ...told);
  };
}

const answers = {
  look,
  heard: () => heard.splice(0),
};

process.on('message', ({ ask, write }) => {
  if (write) network.write(write.from, { to: write.to, text: write.text });
  else process.send({ answer: answers[ask]() });
});
