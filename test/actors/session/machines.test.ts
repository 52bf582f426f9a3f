import { expect } from 'chai';
import sinon from 'sinon';
import { createActor, fromCallback, fromTransition } from 'xstate';
import { GatewayError } from '../../../src/actors/domain/errors.ts';
import { SESSION_STATES } from '../../../src/actors/domain/ports/stores.ts';
import { DEFAULT_LIMITS } from '../../../src/actors/domain/settings.ts';
import { sessionMachine } from '../../../src/actors/session/session.machine.ts';
import { supervisorMachine } from '../../../src/actors/session/supervisor.machine.ts';
import { type EffectOverrides, silentEffects } from '../../support/silent-effects.ts';
import { edgesOf, walk } from '../../support/walk.ts';

const me = { pn: '628111@c.us' };

/** The session machine without client and dispatcher, on its own: its reports to the supervisor are noted. */
function lone(note: (call: string) => void = () => undefined) {
  const inert = fromCallback(() => undefined);
  return sessionMachine.provide({
    actors: { client: inert, dispatcher: inert } as never,
    actions: {
      reportConnected: () => note('connected'),
      reportLost: ({ context }) => note(`lost ${context.reason}`),
      reportDown: ({ context }) => note(`down ${context.reason}`),
    },
  });
}

/** Starts a session whose effects do nothing but are noted. */
function session(overrides: EffectOverrides = {}) {
  const calls: string[] = [];
  const note = (call: string) => void calls.push(call);
  const effects = silentEffects({ acquireSlot: async () => undefined, ...overrides }, note);
  const actor = createActor(lone(note), { input: { effects } }).start();
  return { actor, calls, limits: effects.limits };
}

/** Input of a supervisor whose session is a stand-in. */
function supervisorInput(overrides: EffectOverrides = {}, note?: (call: string) => void) {
  const clock = { now: () => 0, monotonic: () => 0 };
  return { effects: silentEffects(overrides, note), clock, random: () => 0.5 };
}

/** The edges that a walk did not take. */
function missed(machine: Parameters<typeof edgesOf>[0], taken: Set<string>): string[] {
  return [...edgesOf(machine)].filter((edge) => !taken.has(edge));
}

describe('the session machine', () => {
  const machine = lone();
  const payloads = {
    'session.start': [{ fresh: true }, { fresh: false }],
    'session.stop': [{ reason: 'STOPPED' }],
    'session.logout': [{ reason: 'LOGGED_OUT' }],
    'client.qr': [{ code: 'a,b,c,d,e' }],
    'client.loading': [{ percent: 50 }],
    'client.ready': [{ me }],
    'client.disconnected': [{ reason: 'TIMEOUT' }, { reason: 'TOS_BLOCK' }],
    'client.state': [{ state: 'CONNECTED' }, { state: 'OPENING' }],
    'client.compatibility': [{ compatibility: 'ok' }, { compatibility: 'broken' }],
    'client.passkey': [{ challenge: null }],
    'client.crashed': [{ cause: 'browser' }],
    'client.failed': [{ error: new GatewayError('SESSION_START_FAILED', 'no') }],
    'xstate.done.actor.0.agent.connected.probing': [{ output: 'CONNECTED' }, { output: 'OPENING' }],
    'xstate.error.actor.0.agent.connected.probing': [{ error: 'no answer' }],
  };
  const limits = { ...DEFAULT_LIMITS, maxProbeTimeouts: 2, maxOfflineProbes: 2 };
  const options = (isLinked: boolean) => ({
    machine,
    input: () => ({ effects: silentEffects({ limits, isLinked }) }),
    payloads,
    contextKey: ({
      qrCount,
      probeTimeouts,
      offlineProbes,
      percent,
      isIncompatible,
    }: Record<string, number>) =>
      isLinked ? [qrCount! >= 2, probeTimeouts, offlineProbes, percent, isIncompatible] : [],
  });

  it('takes every transition of its chart without an error', () => {
    const [linked, unlinked] = [true, false].map((isLinked) => walk(options(isLinked) as never));
    expect(linked!.states).to.be.greaterThan(20);
    expect(missed(machine, new Set([...linked!.taken, ...unlinked!.taken]))).to.deep.equal([]);
  });

  it('has exactly the four stored states at its top, each tagged with its name', () => {
    const tags = Object.values(sessionMachine.root.states).map((state) => [state.key, ...state.tags]);
    expect(tags).to.have.deep.members(SESSION_STATES.map((name) => [name, name]));
  });

  it('has a limit for every state but idle and healthy', () => {
    const unlimited = ['idle', 'healthy'];
    const stuck: string[] = [];
    const visit = (node: typeof sessionMachine.root, covered: boolean) => {
      // The dispatcher runs as long as its session.
      const bounds = node.invoke.filter(({ src }) => src !== 'dispatcher');
      const bounded = covered || bounds.length > 0 || Object.keys(node.config.after ?? {}).length > 0;
      const leaves = Object.values(node.states);
      if (leaves.length === 0 && !bounded && !unlimited.includes(node.key)) stuck.push(node.id);
      for (const child of leaves) visit(child as never, bounded);
    };
    visit(sessionMachine.root, false);
    expect(stuck).to.deep.equal([]);
  });

  it('starts in awaiting_qr on request, and in disconnected with saved credentials', () => {
    for (const [fresh, value] of [
      [true, { awaiting_qr: 'queued' }],
      [false, { disconnected: 'queued' }],
    ] as const) {
      const { actor } = session();
      actor.send({ type: 'session.start', fresh });
      expect(actor.getSnapshot().value).to.deep.equal(value);
      actor.stop();
    }
  });

  it('waits while loading progresses, and reports the session lost when it stops', () => {
    const clock = sinon.useFakeTimers();
    const { actor, calls, limits } = session();
    try {
      actor.send({ type: 'session.start', fresh: false });
      actor.send({ type: 'xstate.done.actor.0.agent.disconnected.queued' } as never);
      actor.send({ type: 'client.authenticated' });
      for (const percent of [10, 20, 30]) {
        clock.tick(limits.linkMs - 1);
        actor.send({ type: 'client.loading', percent });
      }
      clock.tick(limits.linkMs - 1);
      actor.send({ type: 'client.loading', percent: 30 });
      expect(actor.getSnapshot().value).to.deep.equal({ disconnected: 'linking' });
      clock.tick(1);
      expect(actor.getSnapshot().value).to.deep.equal({ disconnected: 'recovering' });
      expect(calls).to.include('lost LINK_TIMEOUT');
    } finally {
      actor.stop();
      clock.restore();
    }
  });

  describe('whose page lacks something', () => {
    let clock: sinon.SinonFakeTimers;
    let { actor, calls, limits } = {} as ReturnType<typeof session>;
    const at = () => actor.getSnapshot().value;
    const check = (compatibility: 'ok' | 'broken') =>
      actor.send({ type: 'client.compatibility', compatibility });

    beforeEach(() => {
      clock = sinon.useFakeTimers();
      ({ actor, calls, limits } = session());
      actor.send({ type: 'session.start', fresh: false });
      actor.send({ type: 'xstate.done.actor.0.agent.disconnected.queued' } as never);
    });
    afterEach(() => {
      actor.stop();
      clock.restore();
    });

    it('is lost as INCOMPATIBLE when it is not ready within the limit', () => {
      actor.send({ type: 'client.authenticated' });
      check('broken');
      clock.tick(limits.incompatibleMs - 1);
      expect(at()).to.deep.equal({ disconnected: 'incompatible' });
      clock.tick(1);
      expect(at()).to.deep.equal({ disconnected: 'recovering' });
      expect(calls).to.include.members(['incompatible', 'lost INCOMPATIBLE']);
    });

    it('continues linking when a later check finds nothing missing', () => {
      check('broken');
      clock.tick(limits.incompatibleMs - 1);
      check('ok');
      clock.tick(limits.incompatibleMs);
      expect(at()).to.deep.equal({ disconnected: 'linking' });
    });

    it('may load as long as it progresses, and connects when it becomes ready', () => {
      check('broken');
      for (const percent of [10, 20, 30]) {
        clock.tick(limits.incompatibleMs - 1);
        actor.send({ type: 'client.loading', percent });
      }
      actor.send({ type: 'client.ready', me });
      check('broken');
      clock.tick(limits.linkMs);
      expect(actor.getSnapshot().matches('connected')).to.equal(true);
    });

    it('is the reason when its client fails to start', () => {
      check('broken');
      actor.send({ type: 'client.failed', error: new Error('r: r') });
      expect(actor.getSnapshot().context.reason).to.equal('INCOMPATIBLE');
      expect(calls.slice(-2)).to.deep.equal(['incompatible', 'releaseSlot']);
    });

    it('is checked again in a new client', () => {
      check('broken');
      actor.send({ type: 'session.stop', reason: 'STOPPED' });
      actor.send({ type: 'xstate.done.actor.0.agent.disconnected.closing' } as never);
      actor.send({ type: 'session.start', fresh: false });
      actor.send({ type: 'xstate.done.actor.0.agent.disconnected.queued' } as never);
      expect(at()).to.deep.equal({ disconnected: 'starting' });
    });
  });

  describe('asked for a passkey', () => {
    let clock: sinon.SinonFakeTimers;
    let { actor, calls, limits } = {} as ReturnType<typeof session>;

    beforeEach(() => {
      clock = sinon.useFakeTimers();
      ({ actor, calls, limits } = session());
      actor.send({ type: 'session.start', fresh: true });
      actor.send({ type: 'xstate.done.actor.0.agent.awaiting_qr.queued' } as never);
      actor.send({ type: 'client.qr', code: 'a' });
      actor.send({ type: 'client.passkey', challenge: null });
    });
    afterEach(() => {
      actor.stop();
      clock.restore();
    });

    it('withdraws its QR, shows no other and has a reason', () => {
      actor.send({ type: 'client.qr', code: 'b' });
      expect(actor.getSnapshot().value).to.deep.equal({ awaiting_qr: 'passkey' });
      expect(actor.getSnapshot().context.reason).to.equal('PASSKEY_REQUIRED');
      const shown = calls.filter((call) => /Qr|Passkey/.test(call));
      expect(shown).to.deep.equal(['showQr a', 'showQr null', 'showPasskey null']);
    });

    it('closes with that reason when none is given in time, however often the page asks', () => {
      clock.tick(limits.passkeyMs - 1);
      actor.send({ type: 'client.passkey', challenge: { challenge: 'x' } });
      clock.tick(1);
      expect(actor.getSnapshot().value).to.deep.equal({ disconnected: 'closing' });
      expect(actor.getSnapshot().context.reason).to.equal('PASSKEY_REQUIRED');
      expect(calls).to.include('hidePasskey');
    });

    it('links once it is given, and clears the reason', () => {
      actor.send({ type: 'client.authenticated' });
      expect(actor.getSnapshot().value).to.deep.equal({ awaiting_qr: 'linking' });
      expect(actor.getSnapshot().context.reason).to.equal(null);
      actor.send({ type: 'client.ready', me });
      expect(actor.getSnapshot().matches('connected')).to.equal(true);
    });
  });

  it('closes after the allowed number of QRs', () => {
    const { actor, calls } = session();
    actor.send({ type: 'session.start', fresh: true });
    actor.send({ type: 'xstate.done.actor.0.agent.awaiting_qr.queued' } as never);
    for (let i = 0; i < 3; i += 1) actor.send({ type: 'client.qr', code: `code ${i}` });
    expect(actor.getSnapshot().value).to.deep.equal({ disconnected: 'closing' });
    expect(actor.getSnapshot().context.reason).to.equal('QR_EXPIRED');
    expect(calls.filter((call) => call.startsWith('showQr code'))).to.have.length(2);
    actor.stop();
  });
});

describe('the supervisor machine', () => {
  const machine = supervisorMachine.provide({
    actors: { agent: fromTransition((state) => state, {}) as never },
  });
  const payloads = {
    'agent.down': [
      { reason: 'CRASH' },
      { reason: 'LOGOUT' },
      { reason: 'LOGGED_OUT' },
      { reason: 'START_FAILED' },
    ],
    'agent.lost': [{ reason: 'OFFLINE' }],
    'xstate.error.actor.agent': [{ error: new Error('bug') }],
  };

  const contextKey = ({ isReloaded }: { isReloaded: boolean }) => isReloaded;

  /** A supervisor with a stand-in for its session, which notes the events that it receives. */
  function supervised(input = supervisorInput()) {
    const received: string[] = [];
    const noting = supervisorMachine.provide({
      actors: {
        agent: fromTransition((state: object, event: { type: string; reason?: string }) => {
          received.push([event.type, event.reason].filter(Boolean).join(' '));
          return state;
        }, {}) as never,
      },
    });
    const actor = createActor(noting, { input }).start();
    return { actor, received };
  }

  it('reloads the page of a lost session once, then replaces its client', () => {
    const { actor, received } = supervised();
    actor.send({ type: 'session.restore' });
    actor.send({ type: 'agent.lost', reason: 'OFFLINE' });
    actor.send({ type: 'agent.lost', reason: 'OFFLINE' });
    actor.send({ type: 'agent.down', reason: 'OFFLINE' });
    expect(actor.getSnapshot().value).to.deep.equal({ alive: 'backing_off' });
    actor.send({ type: 'xstate.after.backoff.supervisor.alive.backing_off' } as never);
    actor.send({ type: 'agent.lost', reason: 'OFFLINE' });
    expect(received).to.deep.equal([
      'session.start',
      'session.reload',
      'session.stop OFFLINE',
      'session.start',
      'session.reload',
    ]);
    actor.stop();
  });

  it('stays idle after three takeovers within an hour, and restarts after that hour', () => {
    let monotonic = 0;
    const clock = { now: () => 0, monotonic: () => monotonic };
    const { actor } = supervised({ ...supervisorInput(), clock });
    /** The session is taken over; true when it is restarted. */
    const restarts = () => {
      actor.send({ type: 'session.restore' });
      actor.send({ type: 'agent.down', reason: 'CONFLICT' });
      const isRestarted = JSON.stringify(actor.getSnapshot().value).includes('backing_off');
      actor.send({ type: 'xstate.after.backoff.supervisor.alive.backing_off' } as never);
      return isRestarted;
    };
    expect([1, 2, 3, 4].map(restarts)).to.deep.equal([true, true, true, false]);
    monotonic = 3_600_001;
    expect(restarts()).to.equal(true);
    actor.stop();
  });

  it('recycles the client of a steady session without a wait', () => {
    const { actor, received } = supervised();
    actor.send({ type: 'session.restore' });
    actor.send({ type: 'session.recycle' });
    actor.send({ type: 'agent.connected' });
    actor.send({ type: 'xstate.after.steady.supervisor.alive.running.settling' } as never);
    actor.send({ type: 'session.recycle' });
    actor.send({ type: 'agent.down', reason: 'RECYCLED' });
    expect(actor.getSnapshot().value).to.deep.equal({ alive: { running: 'starting' } });
    expect(received).to.deep.equal(['session.start', 'session.stop RECYCLED', 'session.start']);
    actor.stop();
  });

  it('takes every transition of its chart without an error', () => {
    const taken = new Set<string>();
    for (const facts of [{ isLinked: true }, { isLinked: false }, { isReplaceable: true }]) {
      const walked = walk({
        machine,
        input: () => supervisorInput(facts),
        payloads,
        contextKey,
      } as never);
      for (const edge of walked.taken) taken.add(edge);
    }
    expect(missed(machine, taken)).to.deep.equal([]);
  });

  it('waits longer after each failure, and resets after a steady connection', () => {
    const restarts: string[] = [];
    const actor = createActor(machine, { input: supervisorInput() });
    actor.on('restart', ({ attempt, delayMs }) => restarts.push(`${attempt}: ${delayMs}`));
    actor.start();
    actor.send({ type: 'session.restore' });
    for (let i = 0; i < 3; i += 1) {
      actor.send({ type: 'agent.down', reason: 'CRASH' });
      actor.send({ type: 'xstate.after.backoff.supervisor.alive.backing_off' } as never);
    }
    actor.send({ type: 'agent.connected' });
    actor.send({ type: 'xstate.after.steady.supervisor.alive.running.settling' } as never);
    actor.send({ type: 'agent.down', reason: 'CRASH' });
    expect(restarts).to.deep.equal(['1: 1000', '2: 2000', '3: 4000', '1: 1000']);
    actor.stop();
  });

  it('stays idle after a logout on the phone, and after a failed start of an agent that was never linked', () => {
    for (const [reason, isLinked] of [
      ['LOGOUT', true],
      ['START_FAILED', false],
    ] as const) {
      const actor = createActor(machine, { input: supervisorInput({ isLinked }) }).start();
      actor.send({ type: 'session.start' });
      actor.send({ type: 'agent.down', reason });
      expect(actor.getSnapshot().value).to.deep.equal({ alive: 'idle' });
      actor.stop();
    }
  });

  it('recreates a session that crashed, and releases what it held', () => {
    const calls: string[] = [];
    const crashing = supervisorMachine.provide({
      actors: {
        agent: fromTransition((state: object, event: { type: string }) => {
          if (event.type === 'session.start') throw new Error('bug');
          return state;
        }, {}) as never,
      },
    });
    const actor = createActor(crashing, { input: supervisorInput({}, (call) => calls.push(call)) }).start();
    actor.send({ type: 'session.restore' });
    expect(actor.getSnapshot().value).to.deep.equal({ alive: 'backing_off' });
    expect(calls.some((call) => call.startsWith('releaseCrashed'))).to.equal(true);
    expect(actor.getSnapshot().children.agent?.getSnapshot().status).to.equal('active');
    actor.stop();
  });
});
