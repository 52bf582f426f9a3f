import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { GatewayError } from '../../../src/actors/domain/errors.ts';
import type { Jid } from '../../../src/actors/domain/identity.ts';
import type {
  InboundMessage,
  Me,
  WhatsAppClient,
  WhatsAppClientEvents,
  WhatsAppDriver,
} from '../../../src/actors/domain/ports/whatsapp.ts';
import type { SandboxNetwork } from '../../../src/sandbox/network/network.ts';
import type { NetworkSettings } from '../../../src/sandbox/network/types.ts';
import { text } from '../../support/contents.ts';
import { agentRef, PIXEL } from '../../support/fixtures.ts';
import { describeChats, writeHistory } from './chats.contract.ts';
import { describeContents } from './contents.contract.ts';
import { describeIncoming } from './incoming.contract.ts';
import { describeSignals } from './signals.contract.ts';

/** What a driver is tested with: itself, the phones on the other side, and the way out. */
export interface WhatsAppHarness {
  driver: WhatsAppDriver;
  network: SandboxNetwork;
  cleanup(): Promise<void>;
}

const NETWORK_EVENTS = ['wire', 'message', 'ack', 'edited', 'addon', 'typing', 'read', 'changed'] as const;
const PATIENCE_MS = 45_000;

type Received = {
  [Name in keyof WhatsAppClientEvents]: { name: Name; args: Parameters<WhatsAppClientEvents[Name]> };
}[keyof WhatsAppClientEvents];

/** Rejects with the name of what was awaited when a promise takes too long. */
function patiently<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`timed out waiting for ${what}`)), PATIENCE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Remembers all events of a client, so that none is missed between two waits. */
class Ear {
  readonly received: Received[] = [];
  readonly #onEvent = new Set<() => void>();

  constructor(client: WhatsAppClient) {
    const names: (keyof WhatsAppClientEvents)[] = [
      'qr',
      'authenticated',
      'ready',
      'auth_failure',
      'disconnected',
      'state',
      'message',
      'edited',
      'typing',
      'revoked',
      'reaction',
      'call',
      'ack',
      'compatibility',
      'passkey',
      'restriction',
      'crash',
    ];
    for (const name of names)
      client.events.on(name, (...args: unknown[]) => {
        this.received.push({ name, args } as Received);
        for (const check of this.#onEvent) check();
      });
  }

  /** All payloads of an event so far. */
  all<Name extends keyof WhatsAppClientEvents>(name: Name): Parameters<WhatsAppClientEvents[Name]>[0][] {
    return this.received.filter((event) => event.name === name).map((event) => event.args[0]) as never;
  }

  /** The first matching payload, received already or in the future. */
  wait<Name extends keyof WhatsAppClientEvents>(
    name: Name,
    fits: (payload: Parameters<WhatsAppClientEvents[Name]>[0]) => boolean = () => true,
  ): Promise<Parameters<WhatsAppClientEvents[Name]>[0]> {
    const found = new Promise<Parameters<WhatsAppClientEvents[Name]>[0]>((resolve) => {
      const check = () => {
        const payload = this.all(name).find(fits);
        if (payload === undefined && !this.all(name).some(fits)) return;
        this.#onEvent.delete(check);
        resolve(payload as Parameters<WhatsAppClientEvents[Name]>[0]);
      };
      this.#onEvent.add(check);
      check();
    });
    return patiently(found, name);
  }

  /** Waits until the received events satisfy a condition, checked after each event. */
  waitFor(isEnough: () => boolean, what: string): Promise<void> {
    const enough = new Promise<void>((resolve) => {
      const check = () => {
        if (!isEnough()) return;
        this.#onEvent.delete(check);
        resolve();
      };
      this.#onEvent.add(check);
      check();
    });
    return patiently(enough, what);
  }
}

/** Waits until the network is in a condition; looked at whenever something travelled. */
function eventually<T>(network: SandboxNetwork, what: string, look: () => T | undefined): Promise<T> {
  let check = () => {};
  const seen = new Promise<T>((resolve) => {
    check = () => {
      const found = look();
      if (found !== undefined) resolve(found);
    };
    for (const name of NETWORK_EVENTS) network.events.on(name, check);
    check();
  });
  return patiently(seen, what).finally(() => {
    for (const name of NETWORK_EVENTS) network.events.off(name, check);
  });
}

/** The error of a promise that must reject. */
async function failureOf(promise: Promise<unknown>): Promise<GatewayError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).to.be.instanceOf(GatewayError);
  return error as GatewayError;
}

/** The part of a WhatsApp id that both sides share. */
const stanzaOf = (id: string): string => id.split('_')[2]!;

/**
 * What every driver must do: one suite for the simulation and for the real library. It waits for events and
 * assumes nothing of how fast they come. Linking does not depend on how people are addressed, and may be left out.
 */
export function describeWhatsAppClient(
  name: string,
  makeHarness: () => Promise<WhatsAppHarness>,
  { withLinking = true }: { withLinking?: boolean } = {},
): void {
  describe(`WhatsAppClient contract: ${name}`, function () {
    this.timeout(90_000);
    let harness: WhatsAppHarness;
    let folder: string;
    let next = 0;
    const running = new Set<WhatsAppClient>();

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'contract-'));
      harness = await makeHarness();
      await harness.driver.prepare();
    });
    after(async () => {
      await Promise.all([...running].map((client) => client.destroy()));
      await harness?.driver.close();
      await harness?.cleanup();
      await rm(folder, { recursive: true, force: true });
    });

    /** A number that no other test uses. */
    const freshNumber = (): Jid => {
      next += 1;
      return `62811${String(next).padStart(7, '0')}@c.us`;
    };

    /** Both addresses of a person. */
    const addressesOf = (person: Jid): Jid[] => {
      const { pn, lid } = harness.network.account(person);
      return [pn, lid];
    };

    /** The address by which others know an account. */
    const addressOf = (person: Jid): Jid => {
      const { pn, lid, addressedByLid } = harness.network.account(person);
      return addressedByLid ? lid : pn;
    };

    /** A started client. */
    async function start(agentId: string, userId = 1): Promise<{ client: WhatsAppClient; ear: Ear }> {
      const client = harness.driver.create(agentRef(agentId, userId));
      running.add(client);
      const ear = new Ear(client);
      await client.start();
      return { client, ear };
    }

    /** Destroys a client before its test ends. */
    async function end(client: WhatsAppClient): Promise<void> {
      running.delete(client);
      await client.destroy();
    }

    /** Does something while the network has these settings. */
    async function configured<T>(settings: Partial<NetworkSettings>, act: () => Promise<T>): Promise<T> {
      const before = { ...harness.network.settings };
      harness.network.configure(settings);
      try {
        return await act();
      } finally {
        harness.network.configure(before);
      }
    }

    /** A client that was linked by scanning its QR. */
    async function link(agentId: string, number = freshNumber()) {
      const { client, ear } = await start(agentId);
      harness.network.scan(await ear.wait('qr'), number);
      const me: Me = await ear.wait('ready');
      return { client, ear, me, number };
    }

    const describeLinking = withLinking ? describe : () => undefined;
    describeLinking('linking', () => {
      it('shows a QR without credentials, and emits ready with its account once scanned', async () => {
        const { driver, network } = harness;
        expect(await driver.hasCredentials(agentRef('linking'))).to.equal(false);
        const { client, ear } = await start('linking');
        const qr = await ear.wait('qr');
        expect(qr.split(',')).to.have.length(5);
        const number = freshNumber();
        network.scan(qr, number);
        const me = await ear.wait('ready');
        expect(me.pn).to.equal(number);
        const order = ear.received.map((event) => event.name);
        expect(order.indexOf('authenticated')).to.be.within(0, order.indexOf('ready'));
        expect(await driver.hasCredentials(agentRef('linking'))).to.equal(true);
        await end(client);
      });

      it('connects with saved credentials and no QR', async () => {
        const first = await link('saved');
        await end(first.client);
        const second = await start('saved');
        expect((await second.ear.wait('ready')).pn).to.equal(first.number);
        expect(second.ear.all('qr')).to.deep.equal([]);
        await end(second.client);
      });

      it('forgets removed credentials, again and again', async () => {
        const { client } = await link('removed');
        await end(client);
        await harness.driver.removeCredentials(agentRef('removed'));
        await harness.driver.removeCredentials(agentRef('removed'));
        expect(await harness.driver.hasCredentials(agentRef('removed'))).to.equal(false);
        const again = await start('removed');
        await again.ear.wait('qr');
        await end(again.client);
      });

      it('reports what the page has and lacks, once linked and after a reload', async () => {
        const { client, ear } = await link('checked');
        const report = await ear.wait('compatibility');
        expect(report.webVersion).to.match(/^2\.3000\.\d+/);
        expect(report.missing).to.deep.equal([]);
        expect(report.compatibility).to.be.oneOf(['ok', 'repaired']);
        const reports = ear.all('compatibility').length;
        await client.reload();
        await ear.waitFor(() => ear.all('compatibility').length > reports, 'a second report');
        await end(client);
      });

      it('is linked by a pairing code that is typed into the phone', async () => {
        const { client, ear } = await start('paired');
        await ear.wait('qr');
        const number = freshNumber();
        const code = await client.requestPairingCode(number.split('@')[0]!);
        expect(code.replace('-', '')).to.match(/^[0-9A-Z]{8}$/);
        harness.network.enterCode(number, code);
        expect((await ear.wait('ready')).pn).to.equal(number);
        const error = await failureOf(client.requestPairingCode('628119999999'));
        expect(error.code).to.equal('SESSION_NOT_READY');
        await end(client);
      });

      for (const passkey of ['refs_stop', 'refs_go_on'] as const)
        it(`reports the passkey that linking waits for, and links with its assertion, ${passkey}`, () =>
          configured({ passkey }, async () => {
            const { client, ear } = await start(`passkey-${passkey}`);
            const unasked = await failureOf(client.answerPasskey({}));
            expect(unasked.code).to.equal('SESSION_NOT_READY');
            const number = freshNumber();
            harness.network.scan(await ear.wait('qr'), number);
            const challenge = await ear.wait('passkey', (asked) => asked !== null);
            expect(challenge).to.include({ rpId: 'whatsapp.com', userVerification: 'required' });
            expect(challenge).to.have.property('challenge').that.is.a('string');
            await client.answerPasskey(harness.network.signPasskey(number));
            expect((await ear.wait('ready')).pn).to.equal(number);
            await end(client);
          }));

      it('answers the notice that would log a fresh link out', () =>
        configured({ noticeMs: 30_000 }, async () => {
          const { client, number } = await link('noticed');
          await eventually(harness.network, 'the answer', () =>
            harness.network
              .wireLog()
              .find(({ kind, account, detail }) => kind === 'notice' && account === number && !detail.shown),
          );
          await end(client);
        }));

      it("never gives a user's login to another user's agent of that name, which has it deleted by its start", async () => {
        const { driver } = harness;
        const [first, second] = [agentRef('owned', 1), agentRef('owned', 2)];
        const { client } = await link('owned');
        await end(client);
        expect(await driver.hasCredentials(second)).to.equal(false);
        await driver.removeCredentials(second);
        expect(await driver.hasCredentials(first)).to.equal(true);
        const other = await start('owned', 2);
        await other.ear.wait('qr');
        expect(await driver.hasCredentials(first)).to.equal(false);
        await end(other.client);
      });

      it('leaves credentials to their user when others without one are adopted', async () => {
        const { client } = await link('noted');
        await end(client);
        await harness.driver.adopt([agentRef('noted', 2)]);
        expect(await harness.driver.hasCredentials(agentRef('noted', 1))).to.equal(true);
        expect(await harness.driver.hasCredentials(agentRef('noted', 2))).to.equal(false);
      });

      it('reports a logout on the phone as disconnected LOGOUT', async () => {
        const { client, ear, number } = await link('unlinked');
        harness.network.unlink(number);
        await ear.wait('disconnected', (reason) => reason === 'LOGOUT');
        await end(client);
      });

      it('unlinks the device at WhatsApp on logout', async () => {
        const { client, number } = await link('logged-out');
        running.delete(client);
        await client.logout();
        await eventually(harness.network, 'no open device', () =>
          harness.network.devicesOf(number).length === 0 ? true : undefined,
        );
        await client.destroy();
        const again = await start('logged-out');
        await again.ear.wait('qr');
        await end(again.client);
      });

      it('ends silently on destroy, as often as it is asked to', async () => {
        const { client, ear, number } = await link('destroyed');
        running.delete(client);
        await Promise.all([client.destroy(), client.destroy()]);
        await client.destroy();
        const count = ear.received.length;
        expect(harness.network.devicesOf(number)).to.have.length(0);
        harness.network.write(freshNumber(), { to: number, text: 'are you open?' });
        expect(await failureOf(client.send(freshNumber(), text('no')))).to.have.property(
          'code',
          'BAD_GATEWAY',
        );
        expect(ear.received).to.have.length(count);
      });
    });

    describe('a linked session', () => {
      let client: WhatsAppClient;
      let ear: Ear;
      let number: Jid;

      before(async () => {
        number = freshNumber();
        writeHistory(harness.network, number, freshNumber);
        ({ client, ear } = await link('messages', number));
      });
      after(() => end(client));

      /** The inbound message with this text. */
      const inbound = (body: string): Promise<InboundMessage> =>
        ear.wait('message', (message) => message.body === body);

      describeContents(() => ({
        client,
        network: harness.network,
        number,
        freshNumber,
        received: async (words) => (await inbound(words)).id,
        eventually: (what, look) => eventually(harness.network, what, look),
      }));

      describeIncoming(() => ({
        client,
        network: harness.network,
        number,
        freshNumber,
        eventually: (what, look) => eventually(harness.network, what, look),
        receivedOf: (person, fits = () => true) =>
          ear.wait('message', (message) => message.senderId === person && fits(message)),
      }));

      describeChats(() => ({
        client,
        network: harness.network,
        number,
        freshNumber,
        receivedOf: (person) => ear.wait('message', ({ senderId }) => senderId === person),
        addressOf,
      }));

      describeSignals(() => ({
        client,
        ear,
        network: harness.network,
        number,
        freshNumber,
        addressOf,
        eventually: (what, look) => eventually(harness.network, what, look),
      }));

      it('hands a text over, and WhatsApp acknowledges it', async () => {
        const customer = freshNumber();
        const handover = await client.send(customer, text('hello'));
        await ear.wait('ack', (ack) => ack.messageId === handover.messageId && ack.ack >= 1);
        const [received] = harness.network.messages(customer);
        expect(received).to.include({ body: 'hello', stanzaId: stanzaOf(handover.messageId), fromMe: false });
        expect(handover.timestamp).to.be.closeTo(Date.now(), 120_000);
        if (handover.chatId) expect(handover.chatId).to.equal(addressOf(customer));
      });

      it('reports a refusal as ack -1', async () => {
        const handover = await client.send('15550000003@c.us', text('refused once'));
        await ear.wait('ack', (ack) => ack.messageId === handover.messageId && ack.ack === -1);
      });

      it('sends under the stanza id that it was given, and finds the message by it', async () => {
        const customer = freshNumber();
        const stanzaId = '3EB0C0FFEE0000000001';
        const { messageId, chatId } = await client.send(customer, text('with an id'), { stanzaId });
        expect(stanzaOf(messageId)).to.equal(stanzaId);
        if (chatId) expect(addressesOf(customer)).to.include(chatId);
        await eventually(harness.network, 'the message', () =>
          harness.network.messages(customer).find((message) => message.stanzaId === stanzaId),
        );
        await client.send(customer, text('with an id'));
        const query = { content: text('with an id'), since: Date.now() - 60_000 };
        const found = await client.findSent({ to: customer, stanzaId, ...query });
        expect(found.map(({ messageId: id }) => id)).to.deep.equal([messageId]);
      });

      for (const [kind, errorCode] of [
        ['reachout_timelock', 463],
        ['message_cap', 475],
      ] as const)
        it(`reports a ${kind} and its refusals with ${errorCode}, and still sends replies`, async () => {
          const [stranger, friend] = [freshNumber(), freshNumber()];
          harness.network.write(friend, { to: number, text: `before the ${kind}` });
          await inbound(`before the ${kind}`);
          harness.network.faults.restrict(number, { kind });
          const { messageId } = await client.send(stranger, text('hello, stranger'));
          await ear.wait('ack', (ack) => ack.messageId === messageId && ack.errorCode === errorCode);
          await ear.wait('restriction', (restriction) => restriction?.kind === kind);
          const answer = await client.send(friend, text('hello, friend'));
          await ear.wait('ack', (ack) => ack.messageId === answer.messageId && ack.ack >= 1);
          harness.network.faults.restrict(number, null);
        });

      it('quotes a message', async () => {
        const customer = freshNumber();
        const question = harness.network.write(customer, { to: number, text: 'quote me' });
        const { id, chatId } = await inbound('quote me');
        const handover = await client.send(chatId, text('quoted'), { quoteId: id });
        const reply = await eventually(harness.network, 'the reply', () =>
          harness.network
            .messages(customer)
            .find((message) => message.stanzaId === stanzaOf(handover.messageId)),
        );
        expect(reply.quotedId).to.equal(question.id);
      });

      it('says NOT_FOUND when the quoted message is not there, and sends nothing', async () => {
        const customer = freshNumber();
        const error = await failureOf(
          client.send(customer, text('quoteless'), {
            quoteId: `false_${addressOf(customer)}_3EB0AAAAAAAAAAAAAAAAAA`,
          }),
        );
        expect(error.code).to.equal('NOT_FOUND');
        expect(error.message).to.match(/quote/i);
        expect(harness.network.messages(customer)).to.have.length(0);
      });

      it('shows that it is typing, and that it stopped', async () => {
        const customer = freshNumber();
        const shown = (typing: boolean) =>
          eventually(harness.network, `typing ${typing}`, () => {
            const chats = harness.network.chats(customer).map(({ id }) => id);
            const isShown = chats.some((id) => harness.network.isTyping(customer, id));
            return isShown === typing ? true : undefined;
          });
        harness.network.write(customer, { to: number, text: 'are you typing?' });
        await inbound('are you typing?');
        await client.setTyping(customer, true);
        await shown(true);
        await client.setTyping(customer, false);
        await shown(false);
      });

      it('reports that the customer of a watched chat types and stops, and nothing of other chats', async () => {
        const [watched, other] = [freshNumber(), freshNumber()];
        for (const customer of [watched, other]) {
          harness.network.write(customer, { to: number, text: `from ${customer}` });
          await inbound(`from ${customer}`);
        }
        await client.watchTyping(watched);
        await client.watchTyping(watched);
        for (const typing of [true, false]) {
          harness.network.type(other, number, typing);
          harness.network.type(watched, number, typing);
          await ear.wait('typing', (change) => change.typing === typing);
        }
        expect(ear.all('typing')).to.deep.equal([
          { chatId: watched, typing: true },
          { chatId: watched, typing: false },
        ]);
        harness.network.type(other, number, true);
        // The same stream brings the page both.
        harness.network.write(watched, { to: number, text: 'meanwhile' });
        await inbound('meanwhile');
        await client.watchTyping(other);
        await ear.wait('typing', ({ chatId, typing }) => chatId === other && typing);
        harness.network.type(other, number, false);
        await ear.wait('typing', ({ chatId, typing }) => chatId === other && !typing);
      });

      it('resolves a number to an address of its account, and one without an account to null', async () => {
        const customer = freshNumber();
        expect(await client.resolveRecipient(customer)).to.be.oneOf(addressesOf(customer));
        expect(await client.resolveRecipient('15550000001@c.us')).to.equal(null);
      });

      it('resolves groups and LIDs to themselves', async () => {
        const { id } = harness.network.group({ name: 'Resolved', participants: [number] });
        expect(await client.resolveRecipient(id)).to.equal(id);
        const { lid } = harness.network.account(freshNumber(), { addressedByLid: true });
        expect(await client.resolveRecipient(lid)).to.equal(lid);
      });

      it('reports a direct message', async () => {
        const customer = freshNumber();
        harness.network.account(customer, { name: 'Ayu' });
        harness.network.write(customer, { to: number, text: 'a direct one' });
        const message = await inbound('a direct one');
        expect(message).to.include({ chatId: customer, senderId: customer, fromMe: false, type: 'chat' });
        expect(message.mentionedIds).to.deep.equal([]);
        expect(message.timestamp).to.be.closeTo(Date.now(), 120_000);
        expect(message.id).to.contain(addressOf(customer));
      });

      it('receives a text with a link, whose preview has a file, as that text', async () => {
        const text = 'lihat https://example.com/menu';
        harness.network.write(freshNumber(), { to: number, text });
        expect(await inbound(text)).to.include({ type: 'chat', body: text });
      });

      it('reports an image as another type than text', async () => {
        const file = { type: 'image', data: PIXEL, mimetype: 'image/png' } as const;
        harness.network.write(freshNumber(), { to: number, text: 'a picture', file });
        expect((await inbound('a picture')).type).to.equal('image');
      });

      it('reports a group message with its author and mentions', async () => {
        const customer = freshNumber();
        const group = harness.network.group({ name: 'Friends', participants: [number, customer] });
        harness.network.write(customer, { to: group.id, text: 'hey @you', mentionedIds: [number] });
        const message = await inbound('hey @you');
        expect(message).to.include({ chatId: group.id, senderId: customer, type: 'chat' });
        expect(message.mentionedIds).to.deep.equal([number]);
      });

      it('reports a status and a channel post with their own chats', async () => {
        const customer = freshNumber();
        harness.network.postStatus(customer, number, 'my status');
        expect(await inbound('my status')).to.include({ chatId: 'status@broadcast', senderId: customer });
        harness.network.postChannel('120363000000000077@newsletter', number, 'a post');
        expect((await inbound('a post')).chatId).to.equal('120363000000000077@newsletter');
      });

      it('reports a person whom WhatsApp addresses by LID by number, with the LID beside it', async () => {
        const customer = freshNumber();
        const { lid } = harness.network.account(customer, { addressedByLid: true });
        harness.network.write(customer, { to: number, text: 'by LID' });
        expect(await inbound('by LID')).to.include({ chatId: customer, senderId: customer, lid });
        const group = harness.network.group({ name: 'By LID', participants: [number, customer] });
        harness.network.write(customer, { to: group.id, text: 'by LID in a group' });
        const message = await inbound('by LID in a group');
        expect(message).to.include({ chatId: group.id, senderId: customer, lid });
      });

      it('reports a person whose number is hidden by LID, and can answer there', async () => {
        const customer = freshNumber();
        const { lid } = harness.network.account(customer, { addressedByLid: true, hidesNumber: true });
        harness.network.write(customer, { to: number, text: 'from a LID' });
        const message = await inbound('from a LID');
        expect(message).to.include({ chatId: lid, senderId: lid, lid });
        await client.send(message.chatId, text('to a LID'));
        await eventually(harness.network, 'the answer', () =>
          harness.network.messages(customer).find(({ body }) => body === 'to a LID'),
        );
      });

      it('reports that a message was edited and revoked', async () => {
        const customer = freshNumber();
        const own = harness.network.write(customer, { to: number, text: 'a tpyo' });
        const { id: messageId, chatId } = await inbound('a tpyo');
        harness.network.edit(customer, own.id, 'a typo');
        const edit = await ear.wait('edited', (change) => change.messageId === messageId);
        expect(edit).to.deep.equal({ messageId, chatId, body: 'a typo' });
        harness.network.revoke(customer, own.id);
        const revocation = await ear.wait('revoked', (change) => change.messageId === messageId);
        expect(revocation).to.deep.equal({ messageId, chatId });
      });

      it('never takes its own messages for those of others', async () => {
        const customer = freshNumber();
        await client.send(customer, text('mine by API'));
        harness.network.write(number, { to: customer, text: 'mine by phone' });
        harness.network.write(customer, { to: number, text: 'after mine' });
        await inbound('after mine');
        const own = ear.all('message').filter(({ body }) => body.startsWith('mine by'));
        expect(own.every(({ fromMe }) => fromMe)).to.equal(true);
      });

      it('reports what another device of the account wrote, once, in the chat of its person', async () => {
        const customer = freshNumber();
        const { stanzaId } = harness.network.write(number, { to: customer, text: 'by a person' });
        const message = await ear.wait('message', ({ body }) => body === 'by a person');
        expect(message).to.include({ fromMe: true, chatId: customer, type: 'chat' });
        expect(stanzaOf(message.id)).to.equal(stanzaId);
        const { lid } = harness.network.account(customer);
        if (message.chatLid) expect(message.chatLid).to.equal(lid);
        if (addressOf(customer).endsWith('@lid')) expect(message.chatLid).to.equal(lid);
        harness.network.write(customer, { to: number, text: 'after a person' });
        await inbound('after a person');
        expect(ear.all('message').filter(({ body }) => body === 'by a person')).to.have.length(1);
      });

      it('reports what it sent itself, if at all, under the stanza id that it was given', async () => {
        const stanzaId = '3EB0C0FFEE0000000002';
        const customer = freshNumber();
        await client.send(customer, text('by the service'), { stanzaId });
        harness.network.write(customer, { to: number, text: 'after the service' });
        await inbound('after the service');
        for (const own of ear.all('message').filter(({ body }) => body === 'by the service')) {
          expect(own).to.include({ fromMe: true, chatId: customer });
          expect(stanzaOf(own.id)).to.equal(stanzaId);
        }
      });

      it('knows both addresses of a person who wrote, by either', async () => {
        const customer = freshNumber();
        const { lid } = harness.network.account(customer, { addressedByLid: true });
        harness.network.write(customer, { to: number, text: 'two addresses' });
        await inbound('two addresses');
        for (const address of [customer, lid])
          expect(await client.identify(address)).to.deep.equal({ chatId: customer, lid });
        const group = harness.network.group({ name: 'Group', participants: [number, customer] });
        expect((await client.identify(group.id)).chatId).to.equal(group.id);
      });

      it('answers a probe with the state of the socket', async () => {
        expect(await client.probe()).to.equal('CONNECTED');
      });

      it('finds what it sent, by kind, text and time, newest first', async () => {
        const customer = freshNumber();
        const since = Date.now() - 60_000;
        const first = await client.send(customer, text('twice'));
        const second = await client.send(customer, text('twice'));
        await client.send(customer, text('other'));
        const found = await client.findSent({ to: customer, content: text('twice'), since });
        expect(found.map(({ messageId }) => messageId)).to.deep.equal([second.messageId, first.messageId]);
        const later = { to: customer, content: text('twice'), since: Date.now() + 600_000 };
        expect(await client.findSent(later)).to.deep.equal([]);
        const file = { path: '', mimetype: 'image/png', size: 1, sha256: '' };
        const image = { kind: 'image', file, caption: 'twice' } as const;
        expect(await client.findSent({ ...later, content: image, since })).to.deep.equal([]);
      });

      it('reports that the connection was lost and restored', async () => {
        const customer = freshNumber();
        harness.network.faults.drop(number);
        await ear.wait('state', (state) => state !== 'CONNECTED');
        const back = ear.received.length;
        harness.network.faults.restore(number);
        await ear.wait('state', (state) => state === 'CONNECTED');
        expect(ear.received.length).to.be.greaterThan(back);
        const handover = await client.send(customer, text('after the drop'));
        await ear.wait('ack', (ack) => ack.messageId === handover.messageId && ack.ack >= 1);
      });
    });

    it('finds missed messages even when a send has marked the chat as read', async () => {
      const { client, number } = await link('read');
      await end(client);
      const customer = freshNumber();
      const since = Date.now() - 60_000;
      harness.network.write(customer, { to: number, text: 'behind an answer' });
      const { client: back, ear } = await start('read');
      await ear.wait('ready');
      const handover = await back.send(customer, text('the answer'));
      await ear.wait('ack', (ack) => ack.messageId === handover.messageId && ack.ack >= 1);
      expect(harness.network.chats(number)[0]).to.include({ unread: 0 });
      const missed = await back.fetchMissed({ since, perChat: 10 });
      expect(missed.filter(({ fromMe }) => !fromMe).map(({ body }) => body)).to.deep.equal([
        'behind an answer',
      ]);
      expect(await back.fetchMissed({ since: Date.now() + 600_000, perChat: 10 })).to.deep.equal([]);
      await end(back);
    });

    it('finds missed messages, oldest first', async () => {
      const { client, number } = await link('away');
      await end(client);
      const customer = freshNumber();
      const since = Date.now() - 60_000;
      harness.network.write(customer, { to: number, text: 'first while away' });
      harness.network.write(customer, { to: number, text: 'second while away' });
      const { client: back, ear } = await start('away');
      await ear.wait('ready');
      const unread = await back.fetchMissed({ since, perChat: 10 });
      expect(unread.map(({ body }) => body)).to.deep.equal(['first while away', 'second while away']);
      expect(unread[0]).to.include({ chatId: customer, senderId: customer, fromMe: false, type: 'chat' });
      const newest = await back.fetchMissed({ since, perChat: 1 });
      expect(newest.map(({ body }) => body)).to.deep.equal(['second while away']);
      await end(back);
    });

    it('finds among them what another device of the account wrote, as many again', async () => {
      const { client, number } = await link('away too');
      await end(client);
      const customer = freshNumber();
      const since = Date.now() - 60_000;
      harness.network.write(customer, { to: number, text: 'asked while away' });
      harness.network.write(number, { to: customer, text: 'said while away' });
      const { client: back, ear } = await start('away too');
      await ear.wait('ready');
      const missed = await back.fetchMissed({ since, perChat: 1 });
      expect(missed.map(({ body, fromMe }) => [body, fromMe])).to.have.deep.members([
        ['asked while away', false],
        ['said while away', true],
      ]);
      expect(missed.every(({ chatId }) => chatId === customer)).to.equal(true);
      await end(back);
    });

    it('reports what was delivered and read while no device was listening', async () => {
      const { client, ear } = await link('receipts');
      const customer = freshNumber();
      const handover = await client.send(customer, text('read it later'));
      await ear.wait('ack', ({ messageId, ack }) => messageId === handover.messageId && ack >= 2);
      await end(client);
      harness.network.read(customer, harness.network.chats(customer)[0]!.id);
      const { client: back, ear: backEar } = await start('receipts');
      await backEar.wait('ack', ({ messageId, ack }) => messageId === handover.messageId && ack === 3);
      await end(back);
    });

    it('reports a session that was taken over', async () => {
      const { client, ear, number } = await link('conflict');
      harness.network.faults.setState(number, 'CONFLICT');
      await ear.wait('disconnected', (reason) => reason === 'CONFLICT');
      await end(client);
    });
  });
}
