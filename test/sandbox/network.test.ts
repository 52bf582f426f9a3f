import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import sinon from 'sinon';
import type { Scheduler } from '../../src/actors/domain/ports/clock.ts';
import { HOST_CLOCK } from '../../src/infra/host-clock.ts';
import { AdvanceableClock } from '../../src/sandbox/network/advanceable-clock.ts';
import { SandboxNetwork } from '../../src/sandbox/network/network.ts';
import { type Device, SandboxRefusal } from '../../src/sandbox/network/types.ts';
import { agentRef, BOT_CHAT as BOT, CUSTOMER_CHAT as CUSTOMER } from '../support/fixtures.ts';

/** The host's clock, counting the timers that are set through it. */
class CountingClock implements Scheduler {
  readonly now = HOST_CLOCK.now;
  readonly monotonic = HOST_CLOCK.monotonic;
  readonly #pending = new Set<object>();

  get size(): number {
    return this.#pending.size;
  }

  setTimeout(fire: () => void, ms: number): object {
    const timer = HOST_CLOCK.setTimeout(() => {
      this.#pending.delete(timer);
      fire();
    }, ms);
    this.#pending.add(timer);
    return timer;
  }

  clearTimeout(timer: object): void {
    this.#pending.delete(timer);
    HOST_CLOCK.clearTimeout(timer);
  }
}

describe('SandboxNetwork', () => {
  let clock: sinon.SinonFakeTimers;
  let host: CountingClock;
  let network: SandboxNetwork;
  const open: SandboxNetwork[] = [];

  beforeEach(() => {
    clock = sinon.useFakeTimers({
      now: 1_800_000_000_000,
      toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'],
    });
    host = new CountingClock();
    network = made();
  });
  afterEach(() => {
    for (const made of open.splice(0)) made.close();
    clock.restore();
    expect(host.size, 'timers left').to.equal(0);
  });

  /** A network that is closed after the test. */
  function made(options: ConstructorParameters<typeof SandboxNetwork>[0] = {}): SandboxNetwork {
    const made = new SandboxNetwork({ clock: new AdvanceableClock(host), ...options });
    open.push(made);
    return made;
  }

  /** A device that shows a QR. */
  function unpaired(on = network): Device {
    const device = on.openDevice();
    clock.tick(1);
    return device;
  }

  /** A connected device, with the acks and texts that it received. */
  function linked(on = network, number = BOT): { device: Device; acks: number[]; texts: string[] } {
    const device = unpaired(on);
    const acks: number[] = [];
    const texts: string[] = [];
    device.events.on('ack', ({ ack }) => acks.push(ack)).on('message', ({ body }) => texts.push(body));
    on.scan(device.qr!, number);
    clock.tick(50);
    expect(device.state).to.equal('CONNECTED');
    return { device, acks, texts };
  }

  /** The reason of a refusal. */
  function refusalOf(run: () => unknown): string {
    try {
      run();
    } catch (thrown) {
      if (thrown instanceof SandboxRefusal) return thrown.reason;
      throw thrown;
    }
    return 'none';
  }

  describe('pairing', () => {
    it('refreshes the ref every twenty seconds, and refuses the expired one', () => {
      const device = unpaired();
      const expired = device.qr!;
      clock.tick(20_000);
      expect(device.qr).to.not.equal(expired);
      expect(refusalOf(() => network.scan(expired, BOT))).to.equal('EXPIRED_REF');
      expect(network.scan(device.qr!, BOT).pn).to.equal(BOT);
    });

    it('refuses a second scan, a made-up QR, and the QR of a closed device', () => {
      const device = unpaired();
      const qr = device.qr!;
      network.scan(qr, BOT);
      expect(refusalOf(() => network.scan(qr, CUSTOMER))).to.equal('ALREADY_SCANNED');
      expect(refusalOf(() => network.scan('2@nothing,a,b,c,1', BOT))).to.equal('UNKNOWN_REF');
      const other = unpaired();
      const gone = other.qr!;
      other.close();
      expect(refusalOf(() => network.scan(gone, BOT))).to.equal('EXPIRED_REF');
    });

    it('emits the events of a link in order: paired, OPENING, PAIRING, CONNECTED, opened', () => {
      const device = unpaired();
      const emitted: string[] = [];
      device.events
        .on('paired', () => emitted.push('paired'))
        .on('state', (state) => emitted.push(state))
        .on('opened', ({ pn }) => emitted.push(pn));
      network.scan(device.qr!, BOT);
      clock.tick(50);
      expect(emitted).to.deep.equal(['paired', 'OPENING', 'PAIRING', 'CONNECTED', BOT]);
    });

    it('shows a new QR once the phone has unlinked the device', () => {
      const { device } = linked();
      const ends: string[] = [];
      device.events.on('loggedOut', () => ends.push('loggedOut')).on('closed', (reason) => ends.push(reason));
      network.unlink(BOT);
      expect(ends).to.deep.equal(['loggedOut', 'LOGOUT']);
      const again = network.openDevice({ token: device.token });
      clock.tick(1);
      expect(again.state).to.equal('UNPAIRED');
      expect(again.qr).to.be.a('string');
    });

    it('bans an account that links as the fixed number of a banned one', () => {
      const device = unpaired();
      network.scan(device.qr!, '15550000009');
      clock.tick(50);
      expect(device.state).to.equal('TOS_BLOCK');
      expect(device.me).to.equal(null);
    });
  });

  describe('fixed numbers', () => {
    it('15550000000 receives a message, and reads it after a second', async () => {
      const { device, acks } = linked();
      await device.send({ to: '15550000000', text: 'hi' });
      clock.tick(10);
      expect(acks).to.deep.equal([1, 2]);
      clock.tick(1_000);
      expect(acks).to.deep.equal([1, 2, 3]);
    });

    it('15550000001 is not on WhatsApp', async () => {
      const { device, acks } = linked();
      expect(await device.queryExists('15550000001@c.us')).to.equal(null);
      await device.send({ to: '15550000001@c.us', text: 'hi' });
      clock.tick(10);
      expect(acks).to.deep.equal([-1]);
      expect(refusalOf(() => network.account('15550000001'))).to.equal('UNKNOWN_CHAT');
    });

    it('15550000002 keeps a message at one tick', async () => {
      const { device, acks } = linked();
      await device.send({ to: '15550000002', text: 'hi' });
      clock.tick(3_600_000);
      expect(acks).to.deep.equal([1]);
    });

    it('15550000003 refuses the first message', async () => {
      const { device, acks } = linked();
      await device.send({ to: '15550000003', text: 'one' });
      await device.send({ to: '15550000003', text: 'two' });
      clock.tick(10);
      expect(acks).to.deep.equal([-1, 1, 2]);
      expect(network.messages('15550000003').map(({ body }) => body)).to.deep.equal(['two']);
    });

    it('15550000004 answers pong, but not to a message that repeats it', async () => {
      const { device, texts } = linked();
      await device.send({ to: '15550000004', text: 'ping' });
      clock.tick(10);
      expect(texts).to.deep.equal(['pong']);
      await device.send({ to: '15550000004', text: 'You said: pong' });
      clock.tick(10);
      expect(texts).to.deep.equal(['pong']);
    });

    it('15550000005 receives a message after thirty seconds', async () => {
      const { device, acks } = linked();
      await device.send({ to: '15550000005', text: 'hi' });
      clock.tick(29_000);
      expect(acks).to.deep.equal([1]);
      clock.tick(1_100);
      expect(acks).to.deep.equal([1, 2]);
    });

    it('15550000008 drops the connection during the send; the message leaves on reconnection', async () => {
      const { device, acks } = linked();
      const states: string[] = [];
      device.events.on('state', (state) => states.push(state));
      const { ack } = await device.send({ to: '15550000008', text: 'hi' });
      clock.tick(2_000);
      expect({ ack, acks, states }).to.deep.equal({ ack: 0, acks: [], states: ['OPENING'] });
      clock.tick(1_100);
      expect({ acks, states }).to.deep.equal({ acks: [1, 2], states: ['OPENING', 'CONNECTED'] });
      expect(network.messages('15550000008')).to.have.length(1);
    });

    it('15550000009 bans an account that writes to it, until restored', async () => {
      const { device, acks } = linked();
      await device.send({ to: '15550000009', text: 'hi' });
      clock.tick(10);
      expect(device.state).to.equal('TOS_BLOCK');
      expect(network.faults.view(BOT)).to.include({ banned: true, online: false });
      network.faults.restore(BOT);
      expect(device.state).to.equal('CONNECTED');
      expect(acks).to.deep.equal([-1]);
    });
  });

  describe('lines', () => {
    it('keeps the order when the latency drops while messages are on their way', async () => {
      const { device } = linked();
      network.faults.setLatency(BOT, 1_000);
      await device.send({ to: CUSTOMER, text: 'slow' });
      network.faults.setLatency(BOT, 0);
      await device.send({ to: CUSTOMER, text: 'fast' });
      clock.tick(999);
      expect(network.messages(CUSTOMER)).to.deep.equal([]);
      clock.tick(2);
      expect(network.messages(CUSTOMER).map(({ body }) => body)).to.deep.equal(['slow', 'fast']);
    });

    it('shows an offline device no message that has not reached it', async () => {
      const { device } = linked();
      network.write(CUSTOMER, { to: BOT, text: 'before' });
      clock.tick(10);
      network.faults.drop(BOT);
      network.write(CUSTOMER, { to: BOT, text: 'on the server' });
      clock.tick(10);
      const texts = async () => (await device.messages(network.chats(BOT)[0]!.id)).map(({ body }) => body);
      expect(await texts()).to.deep.equal(['before']);
      network.faults.restore(BOT);
      expect(await texts()).to.deep.equal(['before', 'on the server']);
    });

    it('sends messages that were on their way in a disconnect once, after the reconnection', async () => {
      const { device, acks } = linked();
      network.faults.setLatency(BOT, 500);
      await device.send({ to: CUSTOMER, text: 'lost on the way' });
      network.faults.drop(BOT);
      await device.send({ to: CUSTOMER, text: 'written offline' });
      clock.tick(5_000);
      expect(acks).to.deep.equal([]);
      network.faults.restore(BOT);
      clock.tick(5_000);
      expect(acks).to.deep.equal([1, 2, 1, 2]);
      expect(network.messages(CUSTOMER).map(({ body }) => body)).to.deep.equal([
        'lost on the way',
        'written offline',
      ]);
    });

    it('delivers messages of a drop on reconnection', () => {
      const { texts } = linked();
      network.faults.drop(BOT);
      network.write(CUSTOMER, { to: BOT, text: 'are you there?' });
      clock.tick(10);
      expect(texts).to.deep.equal([]);
      network.faults.restore(BOT);
      expect(texts).to.deep.equal(['are you there?']);
    });

    it('holds the events and calls of a frozen device until it is thawed', async () => {
      const { device, texts } = linked();
      network.faults.freeze(BOT, true);
      network.write(CUSTOMER, { to: BOT, text: 'hello?' });
      clock.tick(10);
      const sent = device.send({ to: CUSTOMER, text: 'hung' });
      expect({ texts, sent: network.messages(CUSTOMER, BOT).length }).to.deep.equal({ texts: [], sent: 1 });
      network.faults.freeze(BOT, false);
      await sent;
      clock.tick(10);
      expect(texts).to.deep.equal(['hello?']);
      expect(network.messages(CUSTOMER, BOT)).to.have.length(2);
    });

    it('refuses the given share of messages', async () => {
      const { device, acks } = linked();
      network.faults.setFailureRate(BOT, 0.5);
      for (let index = 0; index < 200; index += 1) await device.send({ to: CUSTOMER, text: String(index) });
      clock.tick(10);
      const refused = acks.filter((ack) => ack === -1).length;
      expect(refused).to.be.within(70, 130);
      expect(network.messages(CUSTOMER)).to.have.length(200 - refused);
    });
  });

  describe('chats', () => {
    it('counts unread messages until they are read, and sends read receipts', async () => {
      const { device, acks } = linked();
      await device.send({ to: CUSTOMER, text: 'one' });
      await device.send({ to: CUSTOMER, text: 'two' });
      clock.tick(10);
      expect(network.chats(CUSTOMER)[0]).to.include({ id: BOT, unread: 2 });
      network.read(CUSTOMER, BOT);
      expect(network.chats(CUSTOMER)[0]).to.include({ unread: 0 });
      expect(acks.filter((ack) => ack === 3)).to.have.length(2);
    });

    it('drops a typing indicator that is not renewed', () => {
      linked();
      network.type(CUSTOMER, BOT, true);
      clock.tick(24_000);
      expect(network.isTyping(BOT, CUSTOMER)).to.equal(true);
      clock.tick(2_000);
      expect(network.isTyping(BOT, CUSTOMER)).to.equal(false);
    });

    it('delivers to the members of a group only', async () => {
      const { device } = linked();
      const mine = network.group({ name: 'Mine', participants: [BOT, CUSTOMER] });
      const theirs = network.group({ name: 'Theirs', participants: [CUSTOMER] });
      await device.send({ to: mine.id, text: 'all' });
      clock.tick(10);
      expect(network.messages(CUSTOMER)[0]).to.include({ chatId: mine.id, senderId: BOT, chatName: 'Mine' });
      const error = await device.send({ to: theirs.id, text: 'no' }).catch((thrown: unknown) => thrown);
      expect(error).to.include({ reason: 'UNKNOWN_CHAT' });
    });

    it('keeps at most `chatSize` messages per chat', () => {
      const small = made({ chatSize: 3 });
      for (let index = 0; index < 9; index += 1) small.write(CUSTOMER, { to: BOT, text: String(index) });
      clock.tick(10);
      expect(small.messages(BOT).map(({ body }) => body)).to.deep.equal(['6', '7', '8']);
    });
  });

  it('advances virtual time at once, each event at its own moment', async () => {
    const { device, acks } = linked();
    await device.send({ to: '15550000005', text: 'hi' });
    const before = device.qr;
    await network.clock.advance(30_001);
    expect(acks).to.deep.equal([1, 2]);
    expect(before).to.equal(null);
    const [message] = network.messages('15550000005');
    expect(message?.timestamp).to.be.within(Date.now() - 1_000, Date.now());
    network.write(CUSTOMER, { to: BOT, text: 'later' });
    expect(network.messages(CUSTOMER)[0]?.timestamp).to.be.within(Date.now() + 29_000, Date.now() + 31_000);
  });

  it('writes the same wire log for the same seed and script', async () => {
    const logs: string[] = [];
    for (const seed of ['one', 'one', 'two']) {
      clock.setSystemTime(1_800_000_000_000);
      const run = made({ seed });
      const { device } = linked(run);
      run.faults.setFailureRate(BOT, 0.3);
      for (let index = 0; index < 20; index += 1)
        await device.send({ to: '15550000004', text: String(index) });
      run.write(CUSTOMER, { to: BOT, text: 'hi' });
      clock.tick(100);
      logs.push(JSON.stringify(run.wireLog()));
      run.close();
    }
    expect(logs[0]).to.equal(logs[1]);
    expect(logs[0]).to.not.equal(logs[2]);
  });

  it('deletes everything on reset, and ends the devices', () => {
    const { device } = linked();
    const ends: string[] = [];
    device.events.on('closed', (reason) => ends.push(reason));
    network.reset();
    expect({ ends, accounts: network.accounts().length, log: network.wireLog().length }).to.deep.equal({
      ends: ['RESET'],
      accounts: 0,
      log: 0,
    });
  });

  describe('journal', () => {
    let folder: string;
    let journal: string;

    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'sandbox-'));
      journal = join(folder, 'deep', 'network.jsonl');
    });
    afterEach(() => rmSync(folder, { recursive: true, force: true }));

    it('restores accounts, links, chats, messages and acks after a kill', async () => {
      const first = made({ journal });
      const { device } = linked(first);
      first.tokens.save(agentRef('agent-1'), device.token!);
      await device.send({ to: CUSTOMER, text: 'before the kill' });
      first.write(CUSTOMER, { to: BOT, text: 'unread' });
      const group = first.group({ name: 'Kept', participants: [BOT] });
      clock.tick(10);
      first.read(CUSTOMER, BOT);
      const chats = first.chats(BOT);

      const second = made({ journal });
      expect(second.chats(BOT)).to.deep.equal(chats);
      expect(second.groups()).to.deep.equal([group]);
      expect(second.messages(BOT, CUSTOMER).map(({ ack }) => ack)).to.deep.equal([3, 1]);
      const again = second.openDevice({ token: second.tokens.of(agentRef('agent-1')) });
      clock.tick(50);
      expect(again.me?.pn).to.equal(BOT);
    });

    it('sends messages that had not reached the server, and draws no id twice', async () => {
      const first = made({ journal });
      const { device } = linked(first);
      await device.send({ to: CUSTOMER, text: 'sent' });
      clock.tick(10);
      first.faults.drop(BOT);
      await device.send({ to: CUSTOMER, text: 'pending' });

      const second = made({ journal });
      const again = second.openDevice({ token: device.token });
      clock.tick(50);
      await again.send({ to: CUSTOMER, text: 'new' });
      clock.tick(10);
      const received = second.messages(CUSTOMER);
      expect(received.map(({ body }) => body)).to.deep.equal(['sent', 'pending', 'new']);
      expect(new Set(received.map(({ id }) => id)).size).to.equal(3);
    });

    it('ignores a last line that a kill cut off, and names any other broken one', () => {
      made({ journal }).account(BOT);
      appendFileSync(journal, '{"kind":"acc');
      expect(made({ journal }).accounts()).to.have.length(1);
      appendFileSync(journal, 'nonsense\n');
      expect(() => new SandboxNetwork({ journal })).to.throw(/line 3/);
    });

    it('empties the journal on reset', () => {
      const first = made({ journal });
      first.account(BOT);
      first.reset();
      expect(made({ journal }).accounts()).to.deep.equal([]);
    });
  });
});
