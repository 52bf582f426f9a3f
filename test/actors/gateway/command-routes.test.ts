import { expect } from 'chai';
import type { AnyStateNode } from 'xstate';
import type { Command } from '../../../src/actors/domain/commands.ts';
import type { GatewayError } from '../../../src/actors/domain/errors.ts';
import { COMMAND_ROUTES } from '../../../src/actors/gateway/command-routes.ts';
import { sessionMachine } from '../../../src/actors/session/session.machine.ts';
import { supervisorMachine } from '../../../src/actors/session/supervisor.machine.ts';
import { eventually } from '../../support/eventually.ts';
import { held, memoryGateway } from '../../support/memory-gateway.ts';

const TO = '6283333333333@c.us';
const ROUTES = Object.entries(COMMAND_ROUTES);
const CALLS: Command[] = [
  { type: 'passkey.answer', assertion: {} },
  { type: 'pairing_code.request', number: TO },
  { type: 'message.check', userId: 1, traceId: 't' },
  {
    type: 'message.send',
    userId: 1,
    message: { to: TO, content: { kind: 'text', text: 'hello' }, origin: 'api', traceId: 't' },
    respondAsync: true,
  },
  { type: 'turn.run', userId: 1, request: { message: 'hi', sessionId: TO }, traceId: 't' },
  { type: 'chats.read', userId: 1, limit: 1 },
  { type: 'chat.read_messages', userId: 1, chatId: TO, limit: 1 },
  { type: 'chat.fetch_file', userId: 1, chatId: TO, messageId: 'none' },
  { type: 'contact.find', userId: 1, jid: TO },
  { type: 'chat.mark_read', userId: 1, chatId: TO },
  { type: 'chat.set_typing', userId: 1, chatId: TO, typing: true },
];

/** Every state below a node. */
function statesBelow(node: AnyStateNode): AnyStateNode[] {
  return Object.values(node.states).flatMap((child) => [child, ...statesBelow(child)]);
}

describe('the table of commands', () => {
  let gateway: ReturnType<typeof memoryGateway>;
  beforeEach(() => {
    gateway = memoryGateway();
  });
  afterEach(() => gateway.system.stop(1_000));

  /** The commands that the agent accepts now; the others have to be refused for the session's state. */
  async function accepted(): Promise<string[]> {
    const types: string[] = [];
    for (const command of CALLS) {
      const error = await gateway.system.ask('shop', command).catch((thrown: GatewayError) => thrown);
      const isAccepted = !(error instanceof Error) || error.code === 'NOT_FOUND';
      if (isAccepted) types.push(command.type);
      else expect(error.code, command.type).to.equal('SESSION_NOT_READY');
    }
    return types;
  }
  const tagged = (tag: string) => ROUTES.filter(([, route]) => route.tag === tag).map(([type]) => type);

  it('names only events that the supervisor knows and tags that a state of the session has', () => {
    const tags = statesBelow(sessionMachine.root).flatMap((state) => state.tags);
    for (const [type, { event, tag }] of ROUTES) {
      if (event) expect(supervisorMachine.events, type).to.include(event);
      if (tag) expect(tags, type).to.include(tag);
    }
  });

  it('accepts each call in the states with its tag, and refuses it in any other', async () => {
    expect(CALLS.map(({ type }) => type)).to.have.members(
      ROUTES.filter(([, { tag }]) => tag).map(([type]) => type),
    );
    const created = gateway.create();
    await eventually('a client', () => gateway.driver.clients.length === 1);
    expect(await accepted()).to.deep.equal([]);
    const { events } = gateway.client();
    events.emit('qr', 'a,b,c');
    await created;
    expect(await accepted()).to.deep.equal(tagged('qr'));
    events.emit('passkey', { challenge: 'abc' });
    expect(await accepted()).to.deep.equal(tagged('passkey'));
    events.emit('authenticated');
    events.emit('ready', { pn: '6281111111111@c.us' });
    expect(await accepted()).to.deep.equal(tagged('connected'));
    events.emit('disconnected', 'LOGOUT');
    expect(await accepted()).to.deep.equal([]);
  });

  describe('while the supervisor has no transition for a command', () => {
    /** Ends the client's call that the supervisor waits for. */
    let release: () => void;

    /** Connects the agent; its client's `call` is held until `release`. */
    async function holding(call: 'logout' | 'destroy'): Promise<void> {
      const waiting = held<undefined>();
      release = () => waiting.release(undefined);
      gateway.driver.script = { [call]: () => waiting.promise };
      await gateway.connect();
    }
    const isIn = (state: string) => () => gateway.system.describe('shop').supervisorStates.includes(state);

    it('refuses a reconnect during a removal at once, with SESSION_NOT_FOUND', async () => {
      await holding('logout');
      const removed = gateway.remove();
      await eventually('the log-out', isIn('alive.removing'));
      const error = await gateway.reconnect().catch((thrown: GatewayError) => thrown);
      expect(error).to.include({ code: 'SESSION_NOT_FOUND' });
      release();
      await removed;
    });

    it('refuses a removal during a stop with SHUTTING_DOWN, and keeps the row', async () => {
      await holding('destroy');
      const stopped = gateway.system.stop(1_000);
      await eventually('the close', isIn('alive.stopping'));
      const removed = gateway.remove().catch((thrown: GatewayError) => thrown);
      release();
      expect(await removed).to.include({ code: 'SHUTTING_DOWN' });
      await stopped;
      expect(gateway.database.rows.has('shop')).to.equal(true);
    });

    it('refuses a removal that a stop overtakes, and keeps the row', async () => {
      await holding('logout');
      const removed = gateway.remove().catch((thrown: GatewayError) => thrown);
      await eventually('the log-out', isIn('alive.removing'));
      const stopped = gateway.system.stop(100);
      expect(await removed).to.include({ code: 'SHUTTING_DOWN' });
      expect(gateway.database.rows.has('shop')).to.equal(true);
      release();
      await stopped;
    });

    it('lets a start join the one under way', async () => {
      const first = gateway.create();
      await eventually('a client', () => gateway.driver.clients.length === 1);
      const second = gateway.create();
      await new Promise(setImmediate);
      gateway.client().events.emit('qr', 'a,b,c');
      for (const start of [first, second]) expect(await start).to.include({ outcome: 'qr' });
      expect(gateway.driver.clients).to.have.length(1);
    });
  });

  it('refuses every command to an unknown agent', async () => {
    const commands = ROUTES.map(([type]) => ({ type, userId: 1, message: {} }) as Command);
    for (const command of commands) {
      if (command.type === 'session.create') continue;
      const error = await gateway.system
        .ask('no-such-agent', command)
        .catch((thrown: GatewayError) => thrown);
      expect(error, command.type).to.include({ code: 'SESSION_NOT_FOUND' });
    }
  });
});
