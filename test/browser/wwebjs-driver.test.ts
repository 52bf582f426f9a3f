import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { MessageContent } from '../../src/actors/domain/message-content.ts';
import type { WhatsAppClient } from '../../src/actors/domain/ports/whatsapp.ts';
import type { WwebjsDriver } from '../../src/infra/whatsapp/wwebjs/driver.ts';
import { browsersOf, killBrowsersOf, processesOfGroup } from '../../src/infra/whatsapp/wwebjs/processes.ts';
import { describeWhatsAppClient } from '../infra/whatsapp/client.contract.ts';
import { whenChromium } from '../support/chromium.ts';
import { text } from '../support/contents.ts';
import { forEachEdition } from '../support/editions.ts';
import { eventually } from '../support/eventually.ts';
import { failureOf } from '../support/failure.ts';
import { CUSTOMER_CHAT as ANN, agentRef, BOT_CHAT as BOT } from '../support/fixtures.ts';
import { next, WwebjsWorld } from '../support/wwebjs.ts';

whenChromium('the driver of whatsapp-web.js in Chromium', (executablePath) => {
  forEachEdition((page) =>
    describeWhatsAppClient(
      `wwebjs, ${page.name}`,
      async () => {
        const world = await WwebjsWorld.open(executablePath, page);
        return { driver: world.driver(), network: world.network, cleanup: () => world.close() };
      },
      { withLinking: !page.lidForAll },
    ),
  );

  describe('WwebjsDriver', function () {
    this.timeout(60_000);
    let world: WwebjsWorld;
    let driver: WwebjsDriver;

    beforeEach(async () => {
      world = await WwebjsWorld.open(executablePath);
      driver = world.driver();
    });
    afterEach(async () => {
      await driver.close();
      await world.close();
    });

    /** The arguments of a process. */
    function argumentsOf(pid: number): string[] {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      } catch {
        return [];
      }
    }

    /** The browser processes of an agent, without renderers and other helpers. */
    const browsers = (agentId: string) =>
      browsersOf(world.profileOf(agentId)).filter(
        (pid) => !argumentsOf(pid).some((arg) => arg.startsWith('--type=')),
      );

    /** Starts a client up to its QR. */
    async function showing(agentId: string, by = driver): Promise<WhatsAppClient> {
      const client = by.create(agentRef(agentId));
      await Promise.all([next(client, 'qr'), client.start()]);
      return client;
    }

    /** Starts a client and links it. */
    async function linked(agentId: string, by = driver): Promise<WhatsAppClient> {
      const client = by.create(agentRef(agentId));
      await world.link(client, BOT);
      return client;
    }

    it('runs one browser per profile, reports its memory, and leaves none once destroyed', async () => {
      const client = await showing('one');
      const [browser, ...others] = browsers('one');
      expect(others).to.deep.equal([]);
      expect(processesOfGroup(browser!)).to.have.length.above(2);
      const sizes = await driver.memory();
      expect([...sizes.keys()]).to.deep.equal(['one']);
      expect(sizes.get('one')! / 1024 / 1024, 'MB of a Chromium with a page').to.be.within(40, 1_000);
      await client.destroy();
      expect([...(await driver.memory())]).to.deep.equal([]);
      expect(processesOfGroup(browser!)).to.deep.equal([]);
    });

    it('opens no debugging port and shows Chromium no secret', async () => {
      process.env.TEST_SECRET = 'not-for-chromium';
      try {
        await showing('private');
        const pids = processesOfGroup(browsers('private')[0]!);
        expect(pids).to.not.be.empty;
        for (const pid of pids) {
          const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
          expect(environment).to.not.contain('not-for-chromium');
          expect(argumentsOf(pid).join(' ')).to.not.match(/remote-debugging-(port|address)|not-for-chromium/);
        }
      } finally {
        delete process.env.TEST_SECRET;
      }
    });

    it('reports a killed browser, and leaves no process of it', async () => {
      const client = await linked('killed');
      const crashed = next(client, 'crash');
      const [browser] = browsers('killed');
      process.kill(browser!, 'SIGKILL');
      expect(await crashed).to.contain('gone');
      await client.destroy();
      expect(processesOfGroup(browser!)).to.deep.equal([]);
      expect(await driver.hasCredentials(agentRef('killed'))).to.equal(true);
    });

    it('reports a crashed page', async () => {
      const client = await linked('crashed');
      const crashed = next(client, 'crash');
      const [browser] = browsers('crashed');
      // A renderer is forked from the zygote and has its arguments in one text.
      const renderers = processesOfGroup(browser!).filter((pid) =>
        argumentsOf(pid).join(' ').includes('--type=renderer'),
      );
      expect(renderers).to.not.deep.equal([]);
      for (const pid of renderers) process.kill(pid, 'SIGKILL');
      expect(await crashed).to.contain('crashed');
    });

    it('rejects a start whose browser dies, and can start again', async () => {
      const client = driver.create(agentRef('stillborn'));
      const failed = failureOf(client.start());
      const [pid] = await eventually('a browser', () => {
        const pids = browsers('stillborn');
        return pids.length > 0 ? pids : undefined;
      });
      process.kill(pid!, 'SIGKILL');
      expect(await failed).to.include({ code: 'SESSION_START_FAILED' });
      await client.destroy();
      await showing('stillborn');
    });

    for (const moment of ['at once', 'when its browser has appeared']) {
      it(`leaves no process when destroyed during the start, ${moment}`, async () => {
        const client = driver.create(agentRef('hasty'));
        const events: string[] = [];
        for (const name of ['qr', 'ready', 'crash', 'disconnected'] as const)
          client.events.on(name, () => events.push(name));
        const failed = failureOf(client.start());
        if (moment !== 'at once') await eventually('a browser', () => browsers('hasty').length > 0);
        await client.destroy();
        expect(browsersOf(world.profileOf('hasty'))).to.deep.equal([]);
        expect(await failed).to.include({ code: 'SESSION_START_FAILED' });
        expect(events).to.deep.equal([]);
      });
    }

    it('limits the time of calls and shutdown when the browser is frozen', async () => {
      const quick = world.driver({ queryMs: 300, sendMs: 300, closeMs: 300 });
      const client = await linked('frozen', quick);
      const [browser] = browsers('frozen');
      process.kill(-browser!, 'SIGSTOP');
      const probe = await failureOf(client.probe());
      expect(probe).to.include({ code: 'BAD_GATEWAY' });
      const sent = await failureOf(client.send(ANN, text('hello?')));
      expect(sent).to.have.nested.property('details.outcome', 'unknown');
      await client.destroy();
      expect(processesOfGroup(browser!)).to.deep.equal([]);
    });

    it('emits messages in order of arrival, with the name of their chat', async () => {
      const client = await linked('ordered');
      world.network.account(ANN, { name: 'Ann' });
      const texts = Array.from({ length: 20 }, (_, index) => `message ${index}`);
      const bodies: string[] = [];
      const all = new Promise<void>((resolve) => {
        client.events.on('message', ({ body, chatName }) => {
          expect(chatName).to.equal('Ann');
          if (bodies.push(body) === texts.length) resolve();
        });
      });
      for (const text of texts) world.network.write(ANN, { to: BOT, text });
      await all;
      expect(bodies).to.deep.equal(texts);
    });

    it('reports a send as failed when its image is missing or its address is invalid', async () => {
      const client = await linked('failing');
      const file = { path: join(world.authDir, 'missing.png'), mimetype: 'image/png', size: 1, sha256: '' };
      const imageless = await failureOf(client.send(ANN, { kind: 'image', file }));
      expect(imageless).to.have.nested.property('details.outcome', 'failed');
      const addressless = await failureOf(client.send('no-address', text('hi')));
      expect(addressless).to.have.nested.property('details.outcome', 'failed');
    });

    it('fails only the kind whose module is gone, before anything leaves, and names it', async () => {
      const client = await linked('lacking');
      let missing: string[] = [];
      client.events.on('compatibility', (report) => {
        missing = report.missing;
      });
      const received = next(client, 'message');
      world.network.write(ANN, { to: BOT, text: 'a question' });
      const { id: messageId } = await received;
      const { messageId: own } = await client.send(ANN, text('mine'));
      const path = join(world.authDir, 'a.pdf');
      await writeFile(path, 'a file');
      const file = { path, mimetype: 'application/pdf', size: 6, sha256: '' };
      for (const [gone, content] of [
        ['WAWebSendReactionMsgAction', { kind: 'reaction', messageId, emoji: '👍' }],
        ['WAWebSendMessageEditAction', { kind: 'edit', messageId: own, text: 'new' }],
        ['WAWebRevokeMsgAction', { kind: 'revoke', messageId: own }],
        ['WAWebMediaMmsV4Upload', { kind: 'document', file }],
      ] as [string, MessageContent][]) {
        world.standIn.set({ moduleGone: [gone] });
        await eventually(`the page without ${gone}`, () => missing.some((name) => name.startsWith(gone)));
        const { code, details } = await failureOf(client.send(ANN, content));
        expect({ code, outcome: details?.outcome }).to.deep.equal({ code: 'BAD_GATEWAY', outcome: 'failed' });
        expect(details?.missing).to.deep.equal(missing);
        await client.send(ANN, text(`without ${gone}`));
      }
      const texts = world.network.messages(ANN).map(({ body }) => body);
      expect(texts.filter((body) => !body.startsWith('without'))).to.deep.equal(['a question', 'mine']);
    });

    it('sends a document of 64 MB whose bytes do not pass through node', async () => {
      const client = await linked('large');
      const path = join(world.authDir, 'large.bin');
      const bytes = randomBytes(64 * 1024 * 1024);
      await writeFile(path, bytes);
      const file = { path, mimetype: 'application/pdf', size: bytes.length, sha256: '' };
      const { messageId } = await client.send(ANN, { kind: 'document', file });
      const copy = await eventually('the document', () =>
        world.network.messages(ANN).find(({ stanzaId }) => messageId.includes(stanzaId)),
      );
      expect(copy.media?.sha256).to.equal(createHash('sha256').update(bytes).digest('hex'));
    });

    it('refuses a quote from another chat, and an invalid message id', async () => {
      const client = await linked('quoting');
      const received = next(client, 'message');
      world.network.write(ANN, { to: BOT, text: 'quote me' });
      const { id } = await received;
      const other = '628120000002@c.us';
      const elsewhere = await failureOf(client.send(other, text('hi'), { quoteId: id }));
      expect(elsewhere).to.include({ code: 'NOT_FOUND' });
      const junk = await failureOf(client.send(ANN, text('hi'), { quoteId: 'junk' }));
      expect(junk).to.include({ code: 'NOT_FOUND' });
      expect(world.network.messages(other)).to.deep.equal([]);
    });

    it('emits nothing after a log-out on the phone, and has no credentials left', async () => {
      const client = await linked('unlinked');
      const events: string[] = [];
      for (const name of ['qr', 'ready', 'crash', 'state', 'disconnected'] as const)
        client.events.on(name, () => events.push(name));
      const gone = next(client, 'disconnected');
      world.network.unlink(BOT);
      expect(await gone).to.equal('LOGOUT');
      expect(await driver.hasCredentials(agentRef('unlinked'))).to.equal(false);
      await client.destroy();
      expect(events).to.deep.equal(['disconnected']);
      await driver.removeCredentials(agentRef('unlinked'));
      expect(existsSync(join(world.authDir, 'unlinked'))).to.equal(false);
      expect(world.faults).to.deep.equal([]);
    });

    it('starts on a profile with a stale lock of another host', async () => {
      await mkdir(world.profileOf('moved'), { recursive: true });
      await driver.adopt([agentRef('moved')]);
      await symlink('another-host-4242', join(world.profileOf('moved'), 'SingletonLock'));
      await showing('moved');
      expect(readlinkSync(join(world.profileOf('moved'), 'SingletonLock'))).to.not.contain('another-host');
    });

    it('does not kill the browser of sales2 when it sweeps that of sales', async () => {
      await showing('sales2');
      const before = browsers('sales2');
      expect(await killBrowsersOf(world.profileOf('sales'), 1_000)).to.equal(true);
      // A prefix of an argument is not the argument.
      expect(await killBrowsersOf(join(world.authDir, 'sales'), 1_000)).to.equal(true);
      await driver.removeCredentials(agentRef('sales'));
      expect(browsers('sales2')).to.deep.equal(before);
    });

    it('kills the browsers of a dead predecessor before the first start', async () => {
      const predecessor = world.driver();
      const client = await showing('orphan', predecessor);
      expect(browsers('orphan')).to.have.length(1);
      await driver.prepare();
      expect(browsersOf(world.profileOf('orphan'))).to.deep.equal([]);
      await client.destroy();
    });

    it('does not follow a symbolic link in place of an auth folder', async () => {
      const elsewhere = await mkdtemp(join(tmpdir(), 'elsewhere-'));
      await symlink(elsewhere, join(world.authDir, 'linked-away'));
      const client = driver.create(agentRef('linked-away'));
      const error = await failureOf(client.start());
      expect(error).to.include({ code: 'SESSION_START_FAILED' });
      const removal = await failureOf(driver.removeCredentials(agentRef('linked-away')));
      expect(removal).to.include({ code: 'SESSION_START_FAILED' });
      expect(existsSync(elsewhere)).to.equal(true);
      await rm(elsewhere, { recursive: true });
    });
  });
});
