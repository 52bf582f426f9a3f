import { createPublicKey } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { chromium } from 'playwright-core';
import type {
  Ack,
  Compatibility,
  InboundMessage,
  WebAuthnJson,
  WhatsAppClient,
} from '../../src/actors/domain/ports/whatsapp.ts';
import { BINDINGS } from '../../src/infra/whatsapp/wwebjs/page/bindings.ts';
import { Seeded } from '../../src/sandbox/network/seeded.ts';
import { whenChromium } from '../support/chromium.ts';
import { text } from '../support/contents.ts';
import { forEachEdition } from '../support/editions.ts';
import { eventually } from '../support/eventually.ts';
import { failureOf } from '../support/failure.ts';
import { FAULT_SEED, faultRuns, reportFigures } from '../support/fault-runs.ts';
import { CUSTOMER_CHAT as ANN, BOT_CHAT as BOT } from '../support/fixtures.ts';
import { png } from '../support/images.ts';
import type { Switches } from '../support/stand-in/editions.ts';
import { next, WwebjsWorld } from '../support/wwebjs.ts';

/** Longer than a QR is valid. */
const REF_LIFETIME_MS = 60_000;
const AGENT = { userId: 1, agentId: 'drift' };
const RUNS = faultRuns(34, 200);
const ACKED_WITHIN_MS = 3_000;

/** The events of a client so far. */
interface Emitted {
  checks: Compatibility[];
  messages: InboundMessage[];
  acks: Ack[];
  reasons: string[];
}

/** Collects the events of a client from now on. */
function collect({ events }: WhatsAppClient): Emitted {
  const emitted: Emitted = { checks: [], messages: [], acks: [], reasons: [] };
  events.on('compatibility', (report) => emitted.checks.push(report));
  events.on('message', (message) => emitted.messages.push(message));
  events.on('ack', (ack) => emitted.acks.push(ack));
  events.on('disconnected', (reason) => emitted.reasons.push(reason));
  return emitted;
}

whenChromium('the driver on a changed WhatsApp Web', (executablePath) => {
  let world: WwebjsWorld;
  let client: WhatsAppClient;
  let emitted: Emitted;

  /** A world with this page and an unstarted client. */
  async function open(page: Parameters<typeof WwebjsWorld.open>[1]): Promise<void> {
    world = await WwebjsWorld.open(executablePath, page);
    client = world.driver({ startMs: 40_000 }).create(AGENT);
    emitted = collect(client);
  }

  /** A world with this page and a linked client. */
  async function link(page: Parameters<typeof WwebjsWorld.open>[1]): Promise<void> {
    await open(page);
    await world.link(client, BOT);
  }

  /** Waits until the newest self-check passes the test. */
  const checked = (fits: (report: Compatibility) => boolean) =>
    eventually('the self-check', () => {
      const newest = emitted.checks.at(-1);
      return newest && fits(newest) ? newest : undefined;
    });

  /** Sends a text; returns WhatsApp's ack. */
  async function send(words: string, to = ANN): Promise<Ack> {
    const handover = await client.send(to, text(words));
    if (handover.ack !== 0) return handover;
    const acked = () =>
      emitted.acks.find(({ messageId, ack }) => messageId === handover.messageId && ack !== 0);
    return eventually(`the ack of ${text}`, acked, ACKED_WITHIN_MS);
  }

  /** How often Ann has received a text. */
  const arrived = (text: string): number =>
    world.network.messages(ANN).filter(({ body, fromMe }) => !fromMe && body === text).length;

  /** Writes as Ann and waits for the driver's event. */
  async function receives(text: string): Promise<InboundMessage> {
    world.network.write(ANN, { to: BOT, text });
    return eventually(`the message ${text}`, () => emitted.messages.find(({ body }) => body === text));
  }

  afterEach(async () => {
    await client?.destroy();
    await world?.close();
  });

  forEachEdition((page) =>
    describe(`on the page of ${page.name}`, function () {
      this.timeout(120_000);

      it('is checked once it is linked: nothing is missing, and the repairs are reported', async () => {
        await link(page);
        const { missing, repaired, compatibility, webVersion } = await checked(() => true);
        expect(missing).to.deep.equal([]);
        const isOld = page.name.startsWith('2026-04');
        expect(compatibility).to.equal(isOld ? 'ok' : 'repaired');
        if (isOld) expect(repaired).to.deep.equal([]);
        else expect(repaired).to.include('message-key');
        expect(webVersion).to.match(/^2\.3000\.\d+/);
      });

      it(`reports no sent message as failed, over ${RUNS} random faults`, async function () {
        this.timeout(240_000);
        await link(page);
        const seeded = new Seeded(`${FAULT_SEED} ${page.name}`);
        const pick = <T>(label: string, of: readonly T[]): T =>
          of[Math.floor(seeded.share(label) * of.length)]!;
        const sendingNames = BINDINGS.filter(({ purpose }) => purpose === 'sending').map(({ name }) => name);
        const counts = { sent: 0, failed: 0, unknown: 0, refused: 0 };
        for (let run = 0; run < RUNS; run += 1) {
          const text = `fault ${run}`;
          const fault = pick('fault', ['gone', 'gone', 'refused', 'slow', 'reload', 'none']);
          const gone = pick('name', sendingNames);
          if (fault === 'gone') world.standIn.set({ moduleGone: [gone] });
          if (fault === 'refused') world.network.faults.setFailureRate(BOT, 1);
          if (fault === 'slow') world.network.faults.setLatency(BOT, 150);
          const sending = send(text).then(
            ({ ack }) => (ack > 0 ? 'sent' : 'refused'),
            // A missing acknowledgement proves neither outcome.
            (error) => (error.details?.outcome ?? 'unknown') as 'failed' | 'unknown',
          );
          if (fault === 'reload') {
            const ready = next(client, 'ready');
            await client.reload();
            await ready;
          }
          const outcome = await sending;
          counts[outcome] += 1;
          if (outcome === 'sent') expect(arrived(text), `${fault} ${gone}: ${text}`).to.equal(1);
          if (outcome === 'failed') expect(arrived(text), `${fault} ${gone}: ${text}`).to.equal(0);
          world.standIn.set({ moduleGone: [] });
          world.network.faults.setFailureRate(BOT, 0);
          world.network.faults.setLatency(BOT, 0);
        }
        reportFigures('P1', `random faults on ${page.name}, ${RUNS} times`, {
          ...counts,
          'failed that left': 0,
        });
        await checked(({ missing }) => missing.length === 0);
        // The page notices a moment later that the binding is restored.
        const leaves = async () => (await send('after all of it').catch(() => null))?.ack;
        await eventually('a send that leaves', async () => ((await leaves()) ?? 0) >= 1);
      });
    }),
  );

  describe('a missing binding', function () {
    this.timeout(300_000);
    const needed = BINDINGS.filter(({ optional }) => !optional).map(({ name }) => name);

    it('is reported within seconds, for each binding; no message is lost, and sends work once it is restored', async () => {
      await link({ edition: '2026-10', lidForAll: true });
      for (const name of needed) {
        world.standIn.set({ moduleGone: [name] });
        const broken = await checked(({ missing }) => missing.includes(name));
        expect(broken.compatibility).to.equal('broken');
        const text = `while ${name} is gone`;
        world.network.write(ANN, { to: BOT, text });
        const sent = await send(text).then(
          ({ ack }) => ack,
          (error) => {
            expect(error.details).to.deep.include({ outcome: 'failed', missing: [name] });
            return 'failed';
          },
        );
        expect(arrived(text), name).to.equal(sent === 'failed' ? 0 : 1);
        world.standIn.set({ moduleGone: [] });
        await checked(({ compatibility }) => compatibility === 'repaired');
        await eventually(`the message ${text}`, () => emitted.messages.some(({ body }) => body === text));
        expect((await send(`${name} is back`)).ack, name).to.be.at.least(1);
      }
      expect(emitted.reasons).to.deep.equal([]);
    });

    it('before the start is named in its error, and the next start succeeds', async () => {
      await open({ switches: { moduleGone: ['WAWebSignalStoreApi'] } });
      const error = await failureOf(client.start());
      expect(error.code).to.equal('SESSION_START_FAILED');
      expect(error.message).to.contain('WAWebSignalStoreApi.waSignalStore');
      await client.destroy();
      world.standIn.set({ moduleGone: [] });
      client = world.driver().create(AGENT);
      emitted = collect(client);
      await world.link(client, BOT);
    });

    it('that a linked session needs delays ready, is reported, and allows ready once it is restored', async () => {
      await open({ edition: '2026-07', switches: { moduleGone: ['WAWebCollections.Msg'] } });
      let isReady = false;
      client.events.on('ready', () => {
        isReady = true;
      });
      const [qr] = await Promise.all([next(client, 'qr'), client.start()]);
      world.network.scan(qr, BOT);
      await checked(({ missing }) => missing.includes('WAWebCollections.Msg'));
      expect(isReady).to.equal(false);
      world.standIn.set({ moduleGone: [] });
      await eventually('ready', () => isReady);
      await receives('now it is restored');
    });
  });

  describe('an obstacle between scan and session', function () {
    this.timeout(90_000);
    const standing: { title: string; switches: Partial<Switches> }[] = [
      { title: 'a sync before the library subscribes', switches: { syncedEarly: true } },
      { title: 'a version that is shown late', switches: { debug: 'late' } },
      { title: 'a version that is shown in another place only', switches: { debug: 'never' } },
      { title: 'a page that reloads itself after the link', switches: { reloadAfterLinkMs: 300 } },
      { title: 'a page that refuses headless browsers', switches: { refusesHeadless: true } },
      { title: 'look-ups that answer with LIDs', switches: { existsAnswersLid: true } },
    ];
    for (const { title, switches } of standing)
      it(`${title} does not keep it from sending and receiving, nor after a restart`, async () => {
        await link({ switches });
        await receives('hello');
        await eventually('a send that leaves', async () => (await send('hi').catch(() => null))?.ack === 1);
        await client.destroy();
        client = world.driver().create(AGENT);
        emitted = collect(client);
        await Promise.all([next(client, 'ready'), client.start()]);
        await receives('and again');
      });

    it('a notice after the link is answered before it unlinks the account', async () => {
      await open({ edition: '2026-10' });
      world.network.configure({ noticeMs: 4_000 });
      await world.link(client, BOT);
      await eventually('the answer', () => world.faults.some(({ where }) => where === 'dialog'));
      await receives('still linked');
      expect(emitted.reasons).to.deep.equal([]);
    });

    it('a QR whose references are used up is followed by another', async () => {
      await open({ edition: '2026-10' });
      world.network.configure({ refsPerDevice: 1 });
      let shown = next(client, 'qr');
      await client.start();
      for (const code of ['the second', 'the third']) {
        await shown;
        shown = next(client, 'qr');
        await world.network.clock.advance(REF_LIFETIME_MS);
        expect(await shown, code).to.be.a('string');
      }
    });

    it('a number is linked by a code that is entered on the phone', async () => {
      await open({ edition: '2026-10' });
      await Promise.all([next(client, 'qr'), client.start()]);
      const code = await client.requestPairingCode(BOT.replace('@c.us', ''));
      const ready = next(client, 'ready');
      world.network.enterCode(BOT, code);
      expect((await ready).pn).to.equal(BOT);
    });
  });

  describe('a passkey at linking', function () {
    this.timeout(90_000);

    /** The owner's browser with a passkey of the account, which signs challenges. */
    async function ownersBrowser() {
      const browser = await chromium.launch({
        executablePath,
        args: ['--no-sandbox', ...world.standIn.chromiumArgs],
      });
      const tab = await browser.newPage();
      await tab.route('**/*', (route) => route.fulfill({ contentType: 'text/html', body: '<p>mine</p>' }));
      await tab.goto('https://web.whatsapp.com/mine');
      const session = await tab.context().newCDPSession(tab);
      await session.send('WebAuthn.enable');
      await session.send('WebAuthn.addVirtualAuthenticator', {
        options: {
          protocol: 'ctap2',
          transport: 'internal',
          hasResidentKey: true,
          hasUserVerification: true,
          isUserVerified: true,
        },
      });
      const created = (await tab.evaluate(`(async () => {
        const publicKey = {
          challenge: new Uint8Array(32), rp: { id: 'whatsapp.com', name: 'WhatsApp' },
          user: { id: new Uint8Array(8), name: 'bot', displayName: 'Bot' },
          pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
        };
        const credential = await navigator.credentials.create({ publicKey });
        const key = new Uint8Array(credential.response.getPublicKey());
        return { id: credential.id, key: btoa(String.fromCharCode(...key)) };
      })()`)) as { id: string; key: string };
      const key = Buffer.from(created.key, 'base64');
      world.network.registerPasskey(BOT, {
        id: created.id,
        publicKey: createPublicKey({ key, format: 'der', type: 'spki' }),
      });
      const sign = (options: WebAuthnJson) =>
        tab.evaluate(
          `(async () => {
            const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(${JSON.stringify(options)});
            return (await navigator.credentials.get({ publicKey })).toJSON();
          })()`,
        ) as Promise<WebAuthnJson>;
      return { sign, close: () => browser.close() };
    }

    for (const passkey of ['refs_stop', 'refs_go_on'] as const)
      it(`is requested, and a real assertion continues the link (${passkey})`, async () => {
        await open({ edition: '2026-10' });
        world.network.configure({ passkey });
        const owner = await ownersBrowser();
        try {
          const challenges: (WebAuthnJson | null)[] = [];
          client.events.on('passkey', (challenge) => challenges.push(challenge));
          const [qr] = await Promise.all([next(client, 'qr'), client.start()]);
          expect(await failureOf(client.answerPasskey({}))).to.include({ code: 'SESSION_NOT_READY' });
          const ready = next(client, 'ready');
          world.network.scan(qr, BOT);
          const challenge = await eventually('the challenge', () => challenges.find((one) => one !== null));
          expect(challenge).to.include({ rpId: 'whatsapp.com', userVerification: 'required' });
          await client.answerPasskey(await owner.sign(challenge));
          expect((await ready).pn).to.equal(BOT);
        } finally {
          await owner.close();
        }
      });
  });

  describe('a restricted account', function () {
    this.timeout(60_000);
    for (const [kind, errorCode] of [
      ['reachout_timelock', 463],
      ['message_cap', 475],
    ] as const)
      it(`is refused with ${errorCode} for people who have not written, reports it, and still answers those who have`, async () => {
        await link({ edition: '2026-10' });
        const restrictions: unknown[] = [];
        client.events.on('restriction', (restriction) => restrictions.push(restriction?.kind ?? null));
        await receives('I wrote first');
        world.network.faults.restrict(BOT, { kind });
        expect(await send('a stranger', '628120000077@c.us')).to.include({ ack: -1, errorCode });
        await eventually('the restriction', () => restrictions.includes(kind));
        expect((await send('an answer')).ack).to.be.at.least(1);
        world.network.faults.restrict(BOT, null);
        await eventually('its end', async () => {
          await client.probe();
          return restrictions.at(-1) === null;
        });
      });
  });

  describe('a pinned build', function () {
    this.timeout(60_000);

    /** Links a client to a page that is pinned under this version and reports the version `says`. */
    async function linkPinned(version: string, says: string): Promise<void> {
      await open({});
      const webVersionDir = await mkdtemp(join(tmpdir(), 'pinned-'));
      try {
        const index = await readFile(new URL('../support/stand-in/page/index.html', import.meta.url), 'utf8');
        const script = `Object.defineProperty(window, 'Debug', { get: () => ({ VERSION: '${says}' }), set() {} })`;
        await writeFile(
          join(webVersionDir, `${version}.html`),
          index.replace('<head>', `<head><script>${script}</script>`),
        );
        client = world.driver({}, { webVersion: version, webVersionDir }).create(AGENT);
        emitted = collect(client);
        await world.link(client, BOT);
      } finally {
        await rm(webVersionDir, { recursive: true });
      }
    }

    /** The faults about the pin. */
    const said = () => world.faults.filter(({ where }) => where === 'pin').map(({ error }) => String(error));

    it('is served in place of the page', async () => {
      await linkPinned('2.3000.777', '2.3000.777');
      expect((await checked(() => true)).webVersion).to.equal('2.3000.777');
      expect(said()).to.deep.equal([]);
    });

    it('that differs from the running one is reported once', async () => {
      await linkPinned('2.3000.777', '2.3000.778');
      await client.reload();
      await eventually('the fault', () => said().length > 0);
      expect(said()).to.have.length(1);
      expect(said()[0]).to.contain('2.3000.777').and.to.contain('2.3000.778');
    });
  });

  it('reports a picture sent by a page that gives media their own id', async function () {
    this.timeout(60_000);
    await link({ switches: { mediaId: true } });
    const path = join(world.authDir, 'pixel.png');
    await writeFile(path, png());
    const file = { path, mimetype: 'image/png', size: png().byteLength, sha256: '' };
    await client.send(ANN, { kind: 'image', file, caption: 'with an id' });
    expect(arrived('with an id')).to.equal(1);
    await checked(({ repaired }) => repaired.includes('media-id'));
  });
});
