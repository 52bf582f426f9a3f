import { expect } from 'chai';
import { GatewayError } from '../../../src/actors/domain/errors.ts';
import type { Handover, WebAuthnJson } from '../../../src/actors/domain/ports/whatsapp.ts';
import { DEFAULT_LIMITS } from '../../../src/actors/domain/settings.ts';
import { eventually } from '../../support/eventually.ts';
import { away, held, inbound, MemoryDatabase, memoryGateway } from '../../support/memory-gateway.ts';

/** The error that a call rejects with; undefined when it succeeds. */
const refusal = (call: Promise<unknown>): Promise<GatewayError | undefined> =>
  call.then(
    () => undefined,
    (error: GatewayError) => error,
  );
/** Lets all pending promises settle. */
const settled = () => new Promise(setImmediate);
const clientGone = new GatewayError('BAD_GATEWAY', 'The client is gone.', { details: { outcome: 'failed' } });

describe('the gateway', () => {
  let gateway: ReturnType<typeof memoryGateway>;
  beforeEach(() => {
    gateway = memoryGateway();
  });
  afterEach(() => gateway.system.stop(1_000));

  describe('an account', () => {
    const events = () => gateway.client().events;
    const view = () => gateway.system.describe('shop');
    const number = '6281111111111@c.us';
    /** An agent that shows a QR. */
    async function scanning(): Promise<void> {
      const created = gateway.create();
      await eventually('a client', () => gateway.driver.clients.length > 0);
      events().emit('qr', 'a,b,c');
      await created;
    }

    it('shows a restriction after a refused send or a report of the client, and can still send', async () => {
      await gateway.connect();
      const published: unknown[] = [];
      gateway.system.events.on('restriction', ({ restriction }) => published.push(restriction?.kind));
      gateway.driver.refusal = 463;
      expect((await refusal(gateway.send('hello')))?.code).to.equal('REACHOUT_TIMELOCKED');
      expect(view().restriction).to.include({ kind: 'reachout_timelock' });
      await gateway.system.ask('shop', { type: 'message.check', userId: 1, traceId: 't' });
      events().emit('restriction', { kind: 'message_cap', until: Date.now() + 3_600_000 });
      events().emit('restriction', null);
      events().emit('restriction', { kind: 'message_cap', until: Date.now() - 1 });
      expect(view().restriction).to.equal(null);
      expect(published.filter(Boolean)).to.deep.equal(['reachout_timelock', 'message_cap', 'message_cap']);
    });

    it('keeps the result of the last self-check and publishes its changes', async () => {
      await gateway.connect();
      let changes = 0;
      gateway.system.events.on('compatibility', () => {
        changes += 1;
      });
      const report = { webVersion: '2.3', compatibility: 'broken' as const, repaired: [], missing: ['X.y'] };
      events().emit('compatibility', report);
      events().emit('compatibility', { ...report });
      expect([changes, view().status, view().live.whatsapp]).to.deep.equal([1, 'connected', report]);
    });

    it('can ask for a passkey: the challenge is readable and the assertion reaches the page', async () => {
      const answer = (assertion: WebAuthnJson) =>
        gateway.system.ask('shop', { type: 'passkey.answer', assertion });
      await scanning();
      expect(() => gateway.system.passkey('shop')).to.throw(GatewayError, 'does not ask for a passkey');
      events().emit('passkey', null);
      expect(view()).to.include({ status: 'awaiting_qr', reason: 'PASSKEY_REQUIRED', qr: null });
      expect((await refusal(answer({})))?.code).to.equal('SESSION_NOT_READY');
      const challenge = { challenge: 'abc' };
      events().emit('passkey', challenge);
      expect(gateway.system.passkey('shop')).to.equal(challenge);
      await answer({ id: 'x' });
      expect(gateway.driver.assertions).to.deep.equal([{ id: 'x' }]);
      events().emit('authenticated');
      events().emit('ready', { pn: number });
      expect(view()).to.include({ status: 'connected', reason: null, passkey: null });
    });

    it('can be linked with a pairing code unless agent or number are linked or no QR is shown', async () => {
      const request = (of = number) =>
        gateway.system.ask('shop', { type: 'pairing_code.request', number: of });
      const reason = async (of = number) => (await refusal(request(of)))?.details?.reason;
      await scanning();
      const { code, expiresAt } = await request();
      expect(code).to.equal('ABCD1234');
      expect(expiresAt).to.be.greaterThan(Date.now());
      events().emit('ready', { pn: number });
      expect(await reason()).to.equal('AGENT_LINKED');
      events().emit('disconnected', 'TIMEOUT');
      expect(await reason()).to.equal('NUMBER_LINKED');
      expect(await reason('6289999999999@c.us')).to.equal('NO_QR');
    });
  });

  describe('deleting an agent', () => {
    it('works when its queue could not be read at startup', async () => {
      const database = new MemoryDatabase();
      await database.agents.save({
        ...{ userId: 1, agentId: 'shop', agentName: 'Shop', apiKey: 'key', status: 'connected' },
      });
      database.before.pending = away;
      gateway = memoryGateway({ database });
      await gateway.system.restore();
      await settled();
      expect((await refusal(gateway.remove()))?.code).to.equal('DATABASE_UNAVAILABLE');
      database.before = {};
      await gateway.remove();
      expect(gateway.system.list()).to.deep.equal([]);
      expect([...database.rows]).to.deep.equal([]);
    });

    it('can be repeated after it failed half-way, and the agentId can be created again', async () => {
      const { system, database, create, client } = gateway;
      for (const next of ['delete', 'create'] as const) {
        await gateway.connect();
        database.before.remove = away;
        expect((await refusal(gateway.remove()))?.code).to.equal('DATABASE_UNAVAILABLE');
        database.before = {};
        if (next === 'create') {
          const made = gateway.driver.clients.length;
          const created = create();
          await eventually('a new client', () => gateway.driver.clients.length > made);
          client().events.emit('qr', 'a,b,c');
          expect((await created).outcome).to.equal('qr');
        }
        await gateway.remove();
        expect(system.list()).to.deep.equal([]);
      }
    });

    it('is awaited by a create of the same agentId, whose record stays', async () => {
      const { database, create, client, driver } = gateway;
      await gateway.connect();
      const removing = held<void>();
      database.before.remove = () => removing.promise;
      const deletes = [gateway.remove(), gateway.remove()];
      const created = create();
      await settled();
      removing.release();
      await Promise.all(deletes);
      await eventually('a new client', () => driver.clients.length === 2);
      client().events.emit('qr', 'a,b,c');
      expect(await created).to.include({ outcome: 'qr', created: true });
      expect(database.rows.has('shop')).to.equal(true);
    });

    it('waits for a write of the record, which stays deleted', async () => {
      const { system, database, create, client } = gateway;
      await gateway.connect();
      client().events.emit('disconnected', 'LOGOUT');
      await eventually('the disconnect', () => system.describe('shop').status === 'disconnected');
      const saving = held<void>();
      database.before.save = () => saving.promise;
      const created = refusal(create());
      await settled();
      const deleted = gateway.remove();
      await settled();
      saving.release();
      await deleted;
      expect((await created)?.code).to.equal('SESSION_NOT_FOUND');
      expect(database.rows.has('shop')).to.equal(false);
    });

    it('answers callers that wait for its QR, AI or messages at once', async () => {
      const asked = held<string>();
      gateway = memoryGateway({ ask: () => asked.promise });
      const { database, send } = gateway;
      await gateway.connect();
      const storing = held<void>();
      const run = refusal(gateway.run('hi'));
      database.before.append = () => storing.promise;
      const sent = refusal(send('being stored'));
      await settled();
      const reconnect = refusal(gateway.reconnect());
      await gateway.remove();
      storing.release();
      for (const answer of [run, sent, reconnect]) expect((await answer)?.code).to.equal('SESSION_NOT_FOUND');
      await settled();
      expect([...database.messages.values()].map(({ status }) => status)).to.deep.equal(['failed']);
      asked.release('too late');
      await settled();
      expect(database.messages.size).to.equal(1);
    });

    it('publishes `unknown` once for a message that was handed over', async () => {
      const { system, driver, send } = gateway;
      const handed = held<Handover>();
      driver.script = { send: () => handed.promise };
      const statuses: string[] = [];
      system.events.on('message', ({ status }) => statuses.push(status));
      await gateway.connect();
      const sent = refusal(send('in flight'));
      await eventually('the hand-over', () => statuses.includes('sending'));
      const queued = refusal(send('queued'));
      await settled();
      const deleted = gateway.remove();
      handed.release({ messageId: 'wa', timestamp: 0, ack: 1 });
      await deleted;
      expect(await sent).to.deep.include({ code: 'SESSION_NOT_FOUND' });
      expect((await sent)?.details?.outcome).to.equal('unknown');
      expect((await queued)?.details?.outcome).to.equal('failed');
      await settled();
      expect(statuses).to.deep.equal(['queued', 'sending', 'queued', 'unknown', 'failed']);
    });
  });

  describe('logging out an agent without a ready client', () => {
    let calls: string[];

    /** A linked agent that lost its session to another browser. */
    async function linkedButOffline(unlinkMs = DEFAULT_LIMITS.unlinkMs): Promise<void> {
      calls = [];
      gateway = memoryGateway({ settings: { limits: { ...DEFAULT_LIMITS, unlinkMs } } });
      const { driver, client, system } = gateway;
      driver.script = { logout: async () => void calls.push('logout') };
      driver.removeCredentials = async () => void calls.push('forget');
      await gateway.connect();
      client().events.emit('disconnected', 'CONFLICT');
      await eventually('the disconnect', () => system.describe('shop').states.includes('disconnected.idle'));
    }

    /** Waits for the client that is started for the logout. */
    const started = (clients: number) =>
      eventually('a client for the logout', () => gateway.driver.clients.length === clients);

    for (const [how, call] of [
      ['delete', () => gateway.remove()],
      ['reconnect', () => gateway.reconnect()],
    ] as const) {
      it(`starts one for a ${how}, to unlink the device at the phone`, async () => {
        await linkedButOffline();
        const ended = call();
        await started(2);
        expect(calls).to.deep.equal([]);
        gateway.client().events.emit('ready', { pn: '6281111111111@c.us' });
        if (how === 'reconnect') {
          await started(3);
          gateway.client().events.emit('qr', 'a,b,c');
        }
        expect(await ended).to.include({ isUnlinked: true });
        expect(calls).to.deep.equal(['logout', 'forget']);
      });

      it(`answers a ${how} in time with isUnlinked false when that client does not become ready`, async () => {
        await linkedButOffline(40);
        const ended = call();
        if (how === 'reconnect') {
          await started(3);
          gateway.client().events.emit('qr', 'a,b,c');
        }
        expect(await ended).to.include({ isUnlinked: false });
        expect(calls).to.deep.equal(['forget']);
      });
    }

    it('takes a QR as proof that the device is already unlinked', async () => {
      await linkedButOffline();
      const deleted = gateway.remove();
      await started(2);
      gateway.client().events.emit('qr', 'a,b,c');
      expect(await deleted).to.include({ isUnlinked: true });
      expect(calls).to.deep.equal(['forget']);
    });

    it('answers isUnlinked false when the logout fails', async () => {
      await linkedButOffline();
      gateway.driver.script = { logout: () => Promise.reject(clientGone) };
      const deleted = gateway.remove();
      await started(2);
      gateway.client().events.emit('ready', { pn: '6281111111111@c.us' });
      expect(await deleted).to.include({ isUnlinked: false });
    });

    it('waits for a client that is starting with saved credentials, and logs it out', async () => {
      await linkedButOffline();
      const created = refusal(gateway.create());
      await started(2);
      const deleted = gateway.remove();
      await settled();
      expect(calls).to.deep.equal([]);
      gateway.client().events.emit('ready', { pn: '6281111111111@c.us' });
      expect(await deleted).to.include({ isUnlinked: true });
      expect(calls).to.deep.equal(['logout', 'forget']);
      expect(gateway.driver.clients).to.have.length(2);
      await created;
    });

    it('starts none for an agent that was never linked or was unlinked by the phone', async () => {
      for (const reason of ['QR', 'LOGOUT'] as const) {
        gateway = memoryGateway();
        const { client, create, driver, system } = gateway;
        if (reason === 'QR') {
          const created = refusal(create());
          await started(1);
          client().events.emit('disconnected', 'QR_EXPIRED');
          await created;
        } else {
          await gateway.connect();
          client().events.emit('disconnected', 'LOGOUT');
          await eventually('the disconnect', () =>
            system.describe('shop').states.includes('disconnected.idle'),
          );
        }
        expect(await gateway.remove()).to.deep.equal({ isUnlinked: true });
        expect(driver.clients).to.have.length(1);
      }
    });
  });

  describe('a turn', () => {
    it('shows typing in the chat that its reply goes to, then hides it', async () => {
      const asked = held<string>();
      gateway = memoryGateway({ ask: () => asked.promise });
      const { driver } = gateway;
      const resolved = held<string>();
      const shown: string[] = [];
      driver.script = {
        resolveRecipient: () => resolved.promise,
        setTyping: async (chatId, typing) => void shown.push(`${chatId} ${typing}`),
      };
      await gateway.connect();
      const run = gateway.run('hi');
      await settled();
      asked.release('hello');
      await settled();
      resolved.release('525512345678@c.us');
      expect(await run).to.include({ replySent: true });
      expect(shown).to.deep.equal(['525512345678@c.us true', '525512345678@c.us false']);
    });

    it('replies only from the account that was written to', async () => {
      const asked = held<string>();
      gateway = memoryGateway({ ask: () => asked.promise });
      const { driver, client, database, system } = gateway;
      await gateway.connect();
      client().events.emit('message', inbound('1'));
      await eventually('the claim', () => database.claims.size === 1);
      client().events.emit('disconnected', 'LOGOUT');
      await eventually('the disconnect', () => system.describe('shop').states.includes('disconnected.idle'));
      const created = gateway.create();
      await eventually('a new client', () => driver.clients.length === 2);
      client().events.emit('ready', { pn: '6281111111112@c.us' });
      await created;
      asked.release('hello');
      await eventually('the reply', () =>
        [...database.messages.values()].some(({ status }) => status === 'failed'),
      );
      expect(driver.sent).to.deep.equal([]);
    });
  });

  describe('a send that waits for its outcome', () => {
    it('is answered as queued when its session ends after the wait', async () => {
      gateway = memoryGateway({ settings: { sendWaitMs: 20 } });
      const { driver, send, client } = gateway;
      driver.script = { send: async () => ({ messageId: 'wa', timestamp: 0, ack: 0 }) };
      await gateway.connect();
      const sent = send('no ack');
      await new Promise((resolve) => setTimeout(resolve, 50));
      client().events.emit('crash', 'gone');
      expect(await sent).to.include({ status: 'queued', position: 0 });
    });

    it('is kept when the client crashes before it takes the message', async () => {
      const { driver, send, client, system } = gateway;
      driver.script = {
        send: async () => {
          client().events.emit('crash', 'gone');
          throw clientGone;
        },
      };
      await gateway.connect();
      const sent = send('kept');
      await eventually('the disconnect', () => system.describe('shop').status !== 'connected');
      driver.script = {};
      await gateway.connect();
      expect(await sent).to.include({ status: 'sent', messageId: 'wa kept' });
    });
  });

  describe('a create', () => {
    it('is answered with the QR of the next client while the last one is being closed', async () => {
      const { driver, client, create, system } = gateway;
      const ended = held<void>();
      driver.script = { destroy: () => ended.promise };
      await gateway.connect();
      client().events.emit('disconnected', 'LOGOUT');
      expect(system.describe('shop').states).to.deep.equal(['disconnected.closing']);
      const created = create();
      await settled();
      ended.release();
      await eventually('a new client', () => driver.clients.length === 2);
      client().events.emit('qr', 'a,b,c');
      expect((await created).outcome).to.equal('qr');
    });
  });

  describe('the record of an agent', () => {
    it('is not connected while the agent can’t be booted, which is retried', async () => {
      const { database, system, driver } = gateway;
      driver.hasCredentials = async () => true;
      database.before.pending = away;
      await database.agents.save({
        ...{ userId: 1, agentId: 'shop', agentName: 'Shop', apiKey: 'key', status: 'connected' },
      });
      await system.restore();
      expect(system.describe('shop').status).to.equal('disconnected');
      await settled();
      expect(system.describe('shop').status).to.equal('disconnected');
      expect(database.rows.get('shop')?.status).to.equal('disconnected');
      database.before = {};
      await eventually('its client', () => driver.clients.length === 1);
    });

    it('shows the state of the session after a create replaced it', async () => {
      const { database, system, create, driver } = gateway;
      driver.hasCredentials = async () => true;
      await database.agents.save({
        ...{ userId: 1, agentId: 'shop', agentName: 'Shop', apiKey: 'key', status: 'disconnected' },
      });
      await system.restore();
      await eventually('its client', () => driver.clients.length === 1);
      void refusal(create());
      await settled();
      expect(system.describe('shop').status).to.equal('disconnected');
      expect(database.rows.get('shop')?.status).to.equal('disconnected');
    });

    it('shows the new state by the time its change is published', async () => {
      const { system, client } = gateway;
      const stale: string[] = [];
      system.events.on('state', ({ to }) => {
        const { status, states } = system.describe('shop');
        if (status !== to || !states[0]?.startsWith(to)) stale.push(`${to}: ${status} ${states}`);
      });
      system.events.on('transition', (_agentId, { machine, edges }) => {
        const { states } = system.describe('shop');
        const target = edges.at(-1)?.split(' → ')[1];
        if (machine === 'agent' && target && !states.some((state) => state.startsWith(target)))
          stale.push(`${edges.at(-1)}: ${states}`);
      });
      await gateway.connect();
      client().events.emit('state', 'TIMEOUT');
      client().events.emit('disconnected', 'LOGOUT');
      await eventually('the disconnect', () => system.describe('shop').states[0] === 'disconnected.idle');
      expect(stale).to.deep.equal([]);
    });

    it('is not connected while a crashed machine is recreated', async () => {
      const { system, client, database } = gateway;
      await gateway.connect();
      const unprintable = {
        toString: () => {
          throw new Error('a bug');
        },
      };
      client().events.emit('crash', unprintable as never);
      expect(system.describe('shop').supervisorStates).to.deep.equal(['alive.backing_off']);
      expect(system.describe('shop').status).to.equal('disconnected');
      await eventually('the row', () => database.rows.get('shop')?.status === 'disconnected');
    });
  });

  describe('a stop', () => {
    it('leaves messages that arrive meanwhile unclaimed for the next start', async () => {
      const asked = held<string>();
      gateway = memoryGateway({ ask: () => asked.promise });
      const { system, database, client } = gateway;
      await gateway.connect();
      client().events.emit('message', inbound('1'));
      await eventually('the claim', () => database.claims.has('1'));
      const stopped = system.stop(2_000);
      await settled();
      client().events.emit('message', { ...inbound('2'), chatId: '6284@c.us', senderId: '6284@c.us' });
      await settled();
      asked.release('hello');
      await stopped;
      expect([...database.claims]).to.deep.equal(['1']);
    });

    describe('with a /run in progress', () => {
      it('waits for its reply to be sent', async () => {
        const asked = held<string>();
        gateway = memoryGateway({ ask: () => asked.promise });
        const { system, driver } = gateway;
        await gateway.connect();
        const run = gateway.run('hi');
        await settled();
        const stopped = system.stop(2_000);
        await new Promise((resolve) => setTimeout(resolve, 50));
        asked.release('hello');
        expect(await run).to.include({ reply: 'hello', replySent: true });
        expect(driver.sent).to.deep.equal(['hello']);
        await stopped;
      });

      it('refuses it after the grace period', async () => {
        gateway = memoryGateway({ ask: () => held<string>().promise });
        const { system } = gateway;
        await gateway.connect();
        const run = refusal(gateway.run('hi'));
        await system.stop(100);
        expect((await run)?.code).to.equal('SHUTTING_DOWN');
      });

      it('answers it with the stored reply when that could not be sent within the grace period', async () => {
        const { system, driver } = gateway;
        driver.script = { send: () => held<Handover>().promise };
        await gateway.connect();
        const run = gateway.run('hi');
        await eventually('the reply', () => gateway.database.messages.size > 0);
        await system.stop(100);
        expect(await run).to.include({ reply: 'hello', replySent: false });
      });
    });

    it('starts no client for a create that waited for the database', async () => {
      const { system, database, create, driver } = gateway;
      const saving = held<void>();
      database.before.save = () => saving.promise;
      const created = refusal(create());
      await settled();
      await system.stop(1_000);
      saving.release();
      expect((await created)?.code).to.equal('SHUTTING_DOWN');
      expect(driver.clients).to.deep.equal([]);
    });

    it('answers callers that wait for a QR at once', async () => {
      const { system, create, driver } = gateway;
      const created = refusal(create());
      await eventually('the client', () => driver.clients.length === 1);
      await system.stop(1_000);
      expect((await created)?.code).to.equal('SHUTTING_DOWN');
    });
  });

  describe('a message that arrives while the database is away', () => {
    it('is answered once it is back', async () => {
      const { database, client, driver } = gateway;
      await gateway.connect();
      database.before.claim = away;
      client().events.emit('message', inbound('1'));
      client().events.emit('message', inbound('2'));
      await new Promise((resolve) => setTimeout(resolve, 30));
      expect(driver.sent).to.deep.equal([]);
      database.before = {};
      await eventually('the answers', () => driver.sent.length === 2);
      expect([...database.claims]).to.deep.equal(['1', '2']);
    });

    it('is answered when only the result of its claim was lost', async () => {
      const { database, client, driver } = gateway;
      const { claimTurn } = database.inbound;
      await gateway.connect();
      database.inbound.claimTurn = async (...args) => {
        database.inbound.claimTurn = claimTurn;
        await claimTurn(...args);
        return away();
      };
      client().events.emit('message', inbound('1'));
      await eventually('the answer', () => driver.sent.length === 1);
      expect(database.settled).to.deep.equal(['1']);
    });

    it('of a person hands the chat over when only the result of its claim was lost', async () => {
      gateway = memoryGateway({
        settings: { handoverMinutes: 30, limits: { ...DEFAULT_LIMITS, probeAgainMs: 5 } },
      });
      const { database, client, system } = gateway;
      const { claim } = database.inbound;
      const modes: string[] = [];
      system.events.on('chatMode', ({ mode }) => modes.push(mode));
      await gateway.connect();
      database.inbound.claim = async (...args) => {
        database.inbound.claim = claim;
        await claim(...args);
        return away();
      };
      const own = () =>
        client().events.emit('message', { ...inbound('true_6282222222222@c.us_A'), fromMe: true });
      own();
      await eventually('the handover', () => modes.length > 0);
      own();
      await new Promise(setImmediate);
      expect(modes).to.deep.equal(['human']);
    });

    it('fails when an answer would be too late', async () => {
      gateway = memoryGateway({
        settings: { limits: { ...DEFAULT_LIMITS, probeAgainMs: 5, backlogMs: 100 } },
      });
      const { database, client, system } = gateway;
      const handled: string[] = [];
      system.events.on('inbound', (message) => handled.push(`${message.handled} ${message.why}`));
      await gateway.connect();
      database.before.claim = away;
      client().events.emit('message', inbound('1'));
      await eventually('the outcome', () => handled.length > 0);
      expect(handled).to.deep.equal(['failed not_claimed']);
    });
  });
});
