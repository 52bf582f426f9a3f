import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { pino } from 'pino';
import type { Scheduler } from '../../src/actors/domain/ports/clock.ts';
import type { WhatsAppClient } from '../../src/actors/domain/ports/whatsapp.ts';
import { HOST_CLOCK } from '../../src/infra/host-clock.ts';
import { SandboxDriver } from '../../src/sandbox/driver/sandbox-driver.ts';
import { AdvanceableClock } from '../../src/sandbox/network/advanceable-clock.ts';
import { SandboxNetwork } from '../../src/sandbox/network/network.ts';
import { serveNetwork } from '../../src/sandbox/remote/network-service.ts';
import { RemoteSandboxDriver } from '../../src/sandbox/remote/remote-driver.ts';
import { describeWhatsAppClient } from '../infra/whatsapp/client.contract.ts';
import { text } from '../support/contents.ts';
import { agentRef } from '../support/fixtures.ts';

describeWhatsAppClient('sandbox', async () => {
  const network = new SandboxNetwork();
  return { driver: new SandboxDriver(network), network, cleanup: async () => network.close() };
});

describeWhatsAppClient('sandbox, everyone addressed by LID', async () => {
  const network = new SandboxNetwork();
  network.configure({ lidForAll: true });
  return { driver: new SandboxDriver(network), network, cleanup: async () => network.close() };
});

describeWhatsAppClient('sandbox in another process', async () => {
  const authDir = await mkdtemp(join(tmpdir(), 'logins-'));
  const network = new SandboxNetwork();
  const service = await serveNetwork(network, { port: 0, logger: pino({ level: 'silent' }) });
  const driver = new RemoteSandboxDriver(service.url, { authDir, clock: HOST_CLOCK });
  const cleanup = async () => {
    await service.close();
    await rm(authDir, { recursive: true });
  };
  return { driver, network, cleanup };
});

describe('SandboxDriver', () => {
  const number = '628110000001@c.us';
  let network: SandboxNetwork;
  let driver: SandboxDriver;

  beforeEach(() => {
    network = new SandboxNetwork({ connectMs: 0 });
    driver = new SandboxDriver(network, { startMs: 1_000, callMs: 50 });
  });
  afterEach(async () => {
    await driver.close();
    network.close();
  });

  /** Resolves with the first payload of an event. */
  function once(client: WhatsAppClient, name: 'crash' | 'auth_failure' | 'disconnected'): Promise<string> {
    return new Promise((resolve) => client.events.once(name, resolve));
  }

  /** A client linked to the number. */
  async function linked(): Promise<WhatsAppClient> {
    const client = driver.create(agentRef('a'));
    client.events.once('qr', (qr) => network.scan(qr, number));
    const ready = new Promise((resolve) => client.events.once('ready', resolve));
    await client.start();
    await ready;
    return client;
  }

  it('rejects a call to a hung page within its deadline; the outcome of a send is unknown', async () => {
    const client = await linked();
    network.faults.freeze(number, true);
    const error = await client.send('628119', text('hi')).catch((thrown: unknown) => thrown);
    expect(error)
      .to.include({ code: 'BAD_GATEWAY' })
      .with.property('details')
      .that.includes({ outcome: 'unknown' });
    const probe = await client.probe().catch((thrown: unknown) => thrown);
    expect(probe).to.include({ code: 'BAD_GATEWAY' });
  });

  it('hands a message over under the given id, and finds it by that id alone', async () => {
    const client = await linked();
    const stanzaId = '3EB0AAAAAAAAAAAAAAAAAA';
    const handover = await client.send('628119@c.us', text('the same'), { stanzaId });
    await client.send('628119@c.us', text('the same'));
    expect(handover).to.include({ messageId: `true_628119@c.us_${stanzaId}`, chatId: '628119@c.us' });
    const query = { to: '628119@c.us', content: text('the same'), since: Date.now() - 60_000 };
    const found = await client.findSent({ ...query, to: '628118@c.us', stanzaId });
    expect(found.map(({ messageId }) => messageId)).to.deep.equal([handover.messageId]);
    const unknown = await client.findSent({ ...query, stanzaId: '3EB0BBBBBBBBBBBBBBBBBB' });
    expect(unknown, 'those with its text').to.have.length(2);
  });

  for (const [asked, own] of [
    ['5511987654321@c.us', '551187654321@c.us'],
    ['5215512345678@c.us', '525512345678@c.us'],
  ] as const) {
    it(`resolves ${asked} to the account, and has chat and typing under its own spelling alone`, async () => {
      network.account(own);
      const client = await linked();
      expect(await client.resolveRecipient(asked)).to.equal(own);
      expect((await client.send(own, text('hi'))).chatId).to.equal(own);
      const sent = (to: string) => client.findSent({ to, content: text('hi'), since: 0 });
      expect(await sent(own)).to.have.length(1);
      expect(await sent(asked)).to.have.length(0);
      await client.setTyping(asked, true);
      expect(network.isTyping(own, number)).to.equal(false);
      await client.setTyping(own, true);
      expect(network.isTyping(own, number)).to.equal(true);
    });
  }

  it('quotes a message of the same person, addressed by number or by LID, and of no other person', async () => {
    const client = await linked();
    const { pn, lid } = network.account('628119');
    const { messageId: quoteId } = await client.send(pn, text('by number'));
    network.account(pn, { addressedByLid: true });
    expect((await client.send(pn, text('by LID'), { quoteId })).chatId).to.equal(lid);
    const group = network.group({ name: 'Shop', participants: [number, pn] });
    for (const to of [group.id, '628118@c.us']) {
      const error = await client.send(to, text('elsewhere'), { quoteId }).catch((thrown: unknown) => thrown);
      expect(error).to.include({ code: 'NOT_FOUND' });
    }
  });

  it('reports a page that lacks what a send needs, and sends nothing until it has it again', async () => {
    const client = await linked();
    const reports: string[] = [];
    client.events.on('compatibility', ({ compatibility, missing }) =>
      reports.push([compatibility, ...missing].join(' ')),
    );
    network.configure({ missing: ['WAWebSendMsgChatAction.addAndSendMsgToChat'] });
    const error = await client.send('628119@c.us', text('hi')).catch((thrown: unknown) => thrown);
    expect(error)
      .to.have.property('details')
      .that.deep.equals({ outcome: 'failed', missing: ['WAWebSendMsgChatAction.addAndSendMsgToChat'] });
    network.configure({ missing: [] });
    expect(reports).to.deep.equal(['broken WAWebSendMsgChatAction.addAndSendMsgToChat', 'ok']);
    expect((await client.send('628119@c.us', text('hi'))).ack).to.equal(0);
  });

  it('asks for another passkey when WhatsApp does not accept the first', async () => {
    network.configure({ passkey: 'refs_stop' });
    const client = driver.create(agentRef('a'));
    client.events.once('qr', (qr) => network.scan(qr, number));
    const challenges: unknown[] = [];
    const nextChallenge = () =>
      new Promise<void>((resolve) => {
        client.events.on('passkey', (options) => {
          if (options) challenges.push(options.challenge);
          if (options) resolve();
        });
      });
    const first = nextChallenge();
    await client.start();
    await first;
    const stale = network.signPasskey(number);
    const second = nextChallenge();
    const refused = await client
      .answerPasskey({ ...stale, id: 'of-another-phone' })
      .catch((thrown: unknown) => thrown);
    expect(refused).to.include({ code: 'BAD_GATEWAY' });
    await second;
    const late = await client.answerPasskey(stale).catch((thrown: unknown) => thrown);
    expect(late).to.include({ code: 'BAD_GATEWAY' });
    expect(new Set(challenges).size).to.be.greaterThan(1);
  });

  it('requests new refs when they are used up', async () => {
    network.configure({ refsPerDevice: 2 });
    const client = driver.create(agentRef('a'));
    const codes = new Set<string>();
    const third = new Promise<void>((resolve) => {
      client.events.on('qr', (qr) => {
        if (codes.add(qr).size === 3) resolve();
      });
    });
    await client.start();
    await network.clock.advance(45_000);
    await third;
  });

  it('recovers from a hung page by a reload', async () => {
    const client = await linked();
    network.faults.freeze(number, true);
    const ready = new Promise((resolve) => client.events.once('ready', resolve));
    await client.reload();
    await ready;
    expect(await client.probe()).to.equal('CONNECTED');
  });

  it('reports a crashed browser', async () => {
    const client = await linked();
    const crashed = once(client, 'crash');
    network.faults.crash(number);
    expect(await crashed).to.contain('crashed');
  });

  it('reports a link that the phone declined as an auth failure', async () => {
    const client = driver.create(agentRef('declined'));
    const qr = new Promise<string>((resolve) => client.events.once('qr', resolve));
    await client.start();
    const failed = once(client, 'auth_failure');
    network.refuse(await qr);
    expect(await failed).to.contain('declined');
  });

  it('rejects a start during which it is destroyed', async () => {
    const client = driver.create(agentRef('hasty'));
    const started = client.start().catch((thrown: unknown) => thrown);
    await client.destroy();
    expect(await started).to.include({ code: 'SESSION_START_FAILED' });
  });

  it('reports a send of an image as failed when the file is missing', async () => {
    const client = await linked();
    const file = { path: '/nonexistent/x.png', mimetype: 'image/png', size: 1, sha256: '' };
    const error = await client
      .send('628119@c.us', { kind: 'image', file })
      .catch((thrown: unknown) => thrown);
    expect(error)
      .to.include({ code: 'BAD_GATEWAY' })
      .with.property('details')
      .that.includes({ outcome: 'failed' });
  });

  it('neither loses nor duplicates any of a hundred messages across a drop', async () => {
    const client = await linked();
    const customer = '628119000000@c.us';
    const texts = Array.from({ length: 100 }, (_, index) => `message ${index}`);
    for (const [index, words] of texts.entries()) {
      if (index === 40) network.faults.drop(number);
      if (index === 80) network.faults.restore(number);
      await client.send(customer, text(words));
    }
    const all = new Promise<void>((resolve) => {
      const check = () => {
        if (network.messages(customer).length >= texts.length) resolve();
      };
      network.events.on('ack', check);
      check();
    });
    await all;
    expect(network.messages(customer).map(({ body }) => body)).to.deep.equal(texts);
  });

  it('reports a conflict to the first of two sessions of one agent', async () => {
    const first = await linked();
    const gone = once(first, 'disconnected');
    const second = driver.create(agentRef('a'));
    const ready = new Promise((resolve) => second.events.once('ready', resolve));
    await second.start();
    expect(await gone).to.equal('CONFLICT');
    await ready;
  });

  it('keeps no timer for idle agents', async () => {
    const slow = new SandboxNetwork({ connectMs: 0, clock: new AdvanceableClock(countingHost()) });
    const many = new SandboxDriver(slow);
    await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const client = many.create(agentRef(`agent-${index}`));
        client.events.once('qr', (qr) => slow.scan(qr, `6281200${String(index).padStart(5, '0')}`));
        const ready = new Promise((resolve) => client.events.once('ready', resolve));
        await client.start();
        await ready;
      }),
    );
    expect(pending.size).to.equal(0);
    await many.close();
    slow.close();
  });

  const pending = new Set<object>();
  /** The host's clock, its timers counted. */
  function countingHost(): Scheduler {
    return {
      ...HOST_CLOCK,
      setTimeout: (ring, ms) => {
        const timer = HOST_CLOCK.setTimeout(() => {
          pending.delete(timer);
          ring();
        }, ms);
        pending.add(timer);
        return timer;
      },
      clearTimeout: (timer) => {
        pending.delete(timer);
        HOST_CLOCK.clearTimeout(timer);
      },
    };
  }
});
