import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createActor, fromCallback } from 'xstate';
import type { TransitionRecord } from '../src/actors/domain/agent-view.ts';
import { sessionMachine } from '../src/actors/session/session.machine.ts';
import { supervisorMachine } from '../src/actors/session/supervisor.machine.ts';
import { recordTransitions } from '../src/actors/statechart/transition-recorder.ts';
import { childEnvironment } from '../src/infra/config.ts';
import { Harness } from '../test/support/http-harness.ts';
import { silentEffects } from '../test/support/silent-effects.ts';
import { type InspectorRound, inspectorReport } from './inspector-report.ts';
import { firstWord, spawnNode, stopNode } from './pinned.ts';
import { publish } from './publish.ts';

// What watching costs: CPU of one agent's two machines for 100,000 events, without a watcher, with the inspection hook
// and its ring of 200 records, and with an open inspector page.

const EVENTS = 100_000;
/** Events between two turns of the event loop, as if they had arrived at once. */
const BURST = 100;
const ROUNDS = 7;
const RING = 200;

/** Receives each record of the machines. */
type Watch = (record: TransitionRecord) => void;

/** A supervisor with its connected agent, watched as in the service, or not at all. */
function startAgent(watch: Watch | null) {
  const inert = fromCallback(() => undefined);
  const idle = { actors: { client: inert, dispatcher: inert } } as never;
  const machine = supervisorMachine.provide({ actors: { agent: sessionMachine.provide(idle) } });
  const effects = silentEffects({ acquireSlot: async () => undefined });
  const inspect = watch
    ? recordTransitions({
        now: Date.now,
        onTransition: watch,
        onError: () => undefined,
      })
    : undefined;
  return createActor(machine, {
    input: { effects, clock: { now: () => 0, monotonic: () => 0 }, random: () => 0.5 },
    inspect,
  }).start();
}

/** CPU microseconds for each event of the round. */
async function measure(watch: Watch | null): Promise<number> {
  const supervisor = startAgent(watch);
  supervisor.send({ type: 'session.start' });
  const agent = supervisor.getSnapshot().children.agent!;
  // The start slot is granted in a promise.
  while (!agent.getSnapshot().matches({ awaiting_qr: 'starting' })) await turn();
  agent.send({ type: 'client.ready', me: { pn: '628111@c.us' } });
  const before = process.cpuUsage();
  for (let sent = 0; sent < EVENTS; sent += BURST) {
    for (let pair = 0; pair < BURST; pair += 2) {
      agent.send({ type: 'client.state', state: 'OPENING' });
      agent.send({ type: 'client.state', state: 'CONNECTED' });
    }
    await turn();
  }
  const { user, system } = process.cpuUsage(before);
  if (!agent.getSnapshot().matches('connected')) throw new Error('The agent did not stay connected.');
  supervisor.stop();
  return (user + system) / EVENTS;
}

/** The service's handling of a record: keeps the newest, publishes to listeners. */
function keeping(http: Harness): Watch {
  const { history } = http.system.agents.get('bot')!;
  return (record) => {
    history.push(record);
    if (history.length > RING) history.shift();
    http.system.events.emit('transition', 'bot', record);
  };
}

/** The same with an open page, whose streams are read by another process that is not measured. */
async function measureOpen(http: Harness): Promise<number> {
  const path = `${http.url}/inspector/api/events`;
  const reader = spawnNode(
    [fileURLToPath(new URL('stream-reader.mjs', import.meta.url)), path, `${path}?agentId=bot`],
    { env: childEnvironment() },
  );
  try {
    await firstWord(reader);
    return await measure(keeping(http));
  } finally {
    await stopNode(reader);
  }
}

/** Measures in turns after a warm-up round, and writes the results. */
async function main(): Promise<void> {
  const http = await new Harness().start();
  const rounds: InspectorRound[] = [];
  try {
    for (let round = 0; round <= ROUNDS; round += 1) {
      const bare = await measure(null);
      const kept = await measure(keeping(http));
      const open = await measureOpen(http);
      console.log(
        `round ${round}: bare ${bare.toFixed(2)} µs, watched ${kept.toFixed(2)} µs, page open ${open.toFixed(2)} µs`,
      );
      if (round > 0) rounds.push({ bare, kept, open });
    }
  } finally {
    await http.stop();
  }
  const text = inspectorReport(rounds, EVENTS);
  publish('inspector', text);
  console.log(text);
}

await main();
