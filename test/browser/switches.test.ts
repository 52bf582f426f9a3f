import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { createLogger } from '../../src/infra/logging/logger.ts';
import { browsersOf } from '../../src/infra/whatsapp/wwebjs/processes.ts';
import { SandboxNetwork } from '../../src/sandbox/network/network.ts';
import { type ApiAnswer, callApi } from '../support/api.ts';
import { whenChromium } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { BEARER, BOT, OTHER_BOT } from '../support/fixtures.ts';
import { png } from '../support/images.ts';
import { connected, createAgent, linkAgent } from '../support/link-agent.ts';
import { withDatabase } from '../support/postgres.ts';
import { argumentsOf } from '../support/processes.ts';
import { type Service, startService } from '../support/service.ts';
import { startProcess } from '../support/service-process.ts';
import { EDITIONS, type Switches } from '../support/stand-in/editions.ts';
import { type StandIn, startStandIn } from '../support/stand-in/index.ts';

const FRESH = OTHER_BOT;
const NAME = 'WAWebSendMsgChatAction.addAndSendMsgToChat';
const NOTICE_MS = 60_000;
const REF_LIFETIME_MS = 20_000;
/** Long enough for a browser on a busy machine. */
const BACK_WITHIN_MS = 60_000;

/** A change of the page, and the repairs that the session then reports. */
interface Change {
  title: string;
  switches: Partial<Switches>;
  repaired?: string[];
}

const changes: Change[] = [
  { title: 'message keys under another name', switches: { msgKey: '$1' }, repaired: ['message-key'] },
  { title: 'errors without words', switches: { wordlessErrors: true } },
  { title: 'media with an id of their own', switches: { mediaId: true }, repaired: ['media-id'] },
  { title: 'downloads that require a mimetype', switches: { downloadNeedsMime: true } },
  { title: 'a moved call for a new QR', switches: { refreshQrMoved: true }, repaired: ['refresh-qr'] },
  { title: 'a version that is shown before there are modules', switches: { debug: 'first' } },
  { title: 'a version that is shown late', switches: { debug: 'late' }, repaired: ['debug-version'] },
  { title: 'a version that is never shown', switches: { debug: 'never' }, repaired: ['debug-version'] },
  { title: 'a refusal of headless browsers', switches: { refusesHeadless: true } },
  { title: 'look-ups that answer with LIDs', switches: { existsAnswersLid: true } },
  { title: 'a sync before the library subscribes', switches: { syncedEarly: true } },
];

whenChromium('the whole service on a changed WhatsApp Web', (executablePath) => {
  const database = withDatabase();
  const network = new SandboxNetwork({ refLifetimeMs: REF_LIFETIME_MS });
  const log: Record<string, unknown>[] = [];
  let standIn: StandIn;
  let service: Service;
  let people = 0;

  before(async function () {
    this.timeout(90_000);
    standIn = await startStandIn(network);
    service = await startService(database(), {
      ...{ network, standIn },
      logger: createLogger('info', { write: (line) => void log.push(JSON.parse(line)) }),
      limits: { probeEveryMs: 1_000, steadyMs: 300, incompatibleMs: 2_000 },
    });
    await linkAgent(service, 'shop', BOT);
  });
  after(async function () {
    this.timeout(30_000);
    await service?.close();
    await standIn?.close();
  });
  afterEach(() => standIn.set(EDITIONS['2026-04']));

  const call = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
    callApi(service.app.url, method, path, body, headers);

  /** A person who has not written yet. */
  function someone(): string {
    people += 1;
    return `6281200000${String(people).padStart(3, '0')}`;
  }

  /** An agent as the API returns it. */
  const session = async (agentId: string) =>
    (await call('GET', `/sessions/${agentId}`)).body as ApiAnswer['body'] & {
      live: {
        whatsapp: { webVersion: string; compatibility: string; repaired: string[]; missing: string[] };
      };
      supervisor: { restarts: number; lastError?: string };
      restriction: { kind: string } | null;
    };

  /** Waits until an agent passes the test. */
  const sessionWhen = (
    what: string,
    fits: (found: Awaited<ReturnType<typeof session>>) => boolean,
    agentId = 'shop',
  ) =>
    eventually(
      what,
      async () => {
        const found = await session(agentId);
        return fits(found) && found;
      },
      BACK_WITHIN_MS,
    );

  /** Sends as an agent. */
  const post = (path: string, body: unknown, agentId = 'shop') =>
    call('POST', `/agents/${agentId}/${path}`, body, BEARER);

  /** How often a person has received a text. */
  const arrived = (person: string, text: string): number =>
    network.messages(person).filter(({ body, fromMe }) => !fromMe && body === text).length;

  /** Waits until a person has received the AI's reply to a text. */
  const answered = (person: string, text: string) =>
    eventually(`the answer to "${text}"`, () => arrived(person, `AI: ${text}`) > 0, BACK_WITHIN_MS);

  /** Waits for a line of the log. */
  const logged = (event: string, fields: Record<string, unknown>) =>
    eventually(`a line ${event}`, () =>
      log.some(
        (line) =>
          line.event === event &&
          Object.entries(fields).every(
            ([name, value]) => JSON.stringify(line[name]) === JSON.stringify(value),
          ),
      ),
    );

  /** The value of a series. */
  async function metric(series: string): Promise<number | undefined> {
    const text = await (await fetch(`${service.app.url}/metrics`)).text();
    const line = text.split('\n').find((each) => each.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.split(' ').at(-1));
  }

  /** Kills the browser of an agent, which then loads a new page. */
  async function endBrowser(): Promise<void> {
    await eventually('a steady agent', () =>
      service.app.system.describe('shop').supervisorStates.includes('alive.running.steady'),
    );
    const profile = join(service.config.WWEBJS_AUTH_DIR, 'shop', 'session');
    const isMain = (pid: number) => !argumentsOf(pid).some((argument) => argument.startsWith('--type='));
    for (const pid of browsersOf(profile).filter(isMain)) process.kill(pid, 'SIGKILL');
    await sessionWhen('the end of the browser', ({ status }) => status !== 'connected');
  }

  describe('a page that is restarted with', function () {
    this.timeout(150_000);

    for (const [index, { title, switches, repaired = [] }] of changes.entries())
      it(`${title} sends, answers, reports the repairs, and loses no message`, async () => {
        const webVersion = `2.3000.20000000${index}`;
        const person = someone();
        network.write(person, { to: BOT, text: 'hello' });
        await answered(person, 'hello');
        standIn.set({ ...switches, webVersion });
        await endBrowser();
        network.write(person, { to: BOT, text: 'while you were away' });
        await connected(service.url, 'shop', BACK_WITHIN_MS);
        await answered(person, 'while you were away');

        const to = someone();
        const quoteId = network.messages(BOT, person).find(({ fromMe }) => !fromMe)!.id;
        const sends = [
          await post('messages', { to, message: 'a text' }),
          await post('media', { to, data: png().toString('base64'), caption: 'an image' }),
          await post('messages', { to: person, message: 'a quote', quoteId }),
        ];
        expect(sends.map(({ status }) => status)).to.deep.equal([200, 200, 200]);
        expect([arrived(to, 'a text'), arrived(to, 'an image'), arrived(person, 'a quote')]).to.deep.equal([
          1, 1, 1,
        ]);
        expect(arrived(person, 'AI: while you were away')).to.equal(1);

        const compatibility = repaired.length > 0 ? 'repaired' : 'ok';
        const expected = { webVersion, compatibility, repaired, missing: [] };
        const { live } = await sessionWhen(
          'the self-check',
          ({ live: { whatsapp } }) => whatsapp.compatibility === compatibility,
        );
        expect(live.whatsapp).to.deep.equal(expected);
        await logged('whatsapp.compatible', { agentId: 'shop', ...expected });
        expect(await metric(`wa_compatibility{agent_id="shop",state="${compatibility}"}`)).to.equal(1);
        expect(await metric(`wa_whatsapp_web_version_info{version="${webVersion}"}`)).to.equal(1);
      });
  });

  describe('a missing module', function () {
    this.timeout(150_000);

    it('from a running page fails sends before they leave, is reported, and ends no session', async () => {
      const person = someone();
      await connected(service.url, 'shop');
      const { restarts } = (await session('shop')).supervisor;
      standIn.set({ moduleGone: [NAME] });
      await sessionWhen('the self-check', ({ live }) => live.whatsapp.missing.includes(NAME));
      const refused = await post('messages', { to: person, message: 'can not leave' });
      expect(refused.status).to.equal(502);
      expect(refused.body.error).to.deep.include({ code: 'BAD_GATEWAY' });
      expect(refused.body.error).to.have.deep.nested.property('details.missing', [NAME]);
      expect(refused.body.error).to.have.nested.property('details.outcome', 'failed');
      expect(arrived(person, 'can not leave')).to.equal(0);
      await logged('whatsapp.incompatible', { agentId: 'shop', missing: [NAME] });
      expect(await metric('wa_compatibility{agent_id="shop",state="broken"}')).to.equal(1);

      network.write(person, { to: BOT, text: 'is anyone there?' });
      await logged('message.failed', { agentId: 'shop', origin: 'reply' });
      expect(service.ai.calls.at(-1)?.body.message).to.equal('is anyone there?');

      standIn.set({ moduleGone: [] });
      await sessionWhen('the module', ({ live }) => live.whatsapp.missing.length === 0);
      expect((await post('messages', { to: person, message: 'leaves again' })).status).to.equal(200);
      expect((await session('shop')).supervisor.restarts).to.equal(restarts);
    });

    it('from a page that loads keeps the agent disconnected, is reported, and lets it reconnect once restored', async () => {
      const missing = 'WAWebCollections.Msg';
      const person = someone();
      standIn.set({ moduleGone: [missing] });
      await endBrowser();
      network.write(person, { to: BOT, text: 'anyone at home?' });
      const broken = await sessionWhen('the reason', ({ reason }) => reason === 'INCOMPATIBLE');
      expect(broken.supervisor.lastError).to.contain(missing);
      await logged('whatsapp.incompatible', { agentId: 'shop', missing: [missing] });
      const refused = await post('messages', { to: person, message: 'not now' });
      expect([refused.status, refused.body.error?.code]).to.deep.equal([409, 'SESSION_NOT_READY']);

      standIn.set({ moduleGone: [] });
      await connected(service.url, 'shop', BACK_WITHIN_MS);
      await answered(person, 'anyone at home?');
      expect(arrived(person, 'AI: anyone at home?')).to.equal(1);
    });
  });

  describe('an account that WhatsApp restricts', function () {
    this.timeout(90_000);

    for (const [kind, code] of [
      ['reachout_timelock', 'REACHOUT_TIMELOCKED'],
      ['message_cap', 'MESSAGE_CAPPED'],
    ] as const)
      it(`by a ${kind} returns ${code}, shows the restriction, still answers, and clears it afterwards`, async () => {
        const [stranger, friend] = [someone(), someone()];
        network.faults.restrict(BOT, { kind });
        const refused = await post('messages', { to: stranger, message: 'hello stranger' });
        expect([refused.status, refused.body.error?.code]).to.deep.equal([403, code]);
        expect(refused.body.error).to.have.nested.property('details.outcome', 'failed');
        expect(arrived(stranger, 'hello stranger')).to.equal(0);
        await sessionWhen('the restriction', ({ restriction }) => restriction?.kind === kind);
        await logged('whatsapp.restricted', { agentId: 'shop', kind });
        expect(await metric(`wa_restricted{agent_id="shop",kind="${kind}"}`)).to.equal(1);
        network.write(friend, { to: BOT, text: 'I write first' });
        await answered(friend, 'I write first');

        network.faults.restrict(BOT, null);
        await sessionWhen('its end', ({ restriction }) => restriction === null);
        await logged('whatsapp.unrestricted', { agentId: 'shop' });
        expect((await post('messages', { to: stranger, message: 'hello again' })).status).to.equal(200);
      });
  });

  describe('a link on a page with all obstacles', function () {
    this.timeout(120_000);

    before(() => {
      network.configure({ refsPerDevice: 1, passkey: 'refs_stop', noticeMs: NOTICE_MS });
    });
    beforeEach(() => standIn.set({ refreshQrMoved: true, reloadAfterLinkMs: 2_000, msgKey: '$1' }));
    after(() => network.configure({ refsPerDevice: null, passkey: 'off', noticeMs: null }));

    it('shows another QR when its references are used up', async () => {
      const firstQr = (await createAgent(service.url, 'fresh')).body.qr;
      await network.clock.advance(REF_LIFETIME_MS);
      const qr = await eventually('another QR', async () => {
        const answer = await fetch(`${service.app.url}/sessions/fresh/qr`, {
          headers: { accept: 'text/plain' },
        });
        const text = await answer.text();
        return answer.ok && text !== firstQr && text;
      });
      network.scan(qr, FRESH);
    });

    it('reports that it waits for a passkey, and accepts an assertion', async () => {
      await sessionWhen('the reason', ({ reason }) => reason === 'PASSKEY_REQUIRED', 'fresh');
      await logged('session.passkey', { agentId: 'fresh', reason: 'PASSKEY_REQUIRED', hasChallenge: true });
      const asked = await eventually('the challenge', async () => {
        const answer = await call('GET', '/sessions/fresh/passkey');
        return answer.status === 200 && answer;
      });
      expect(asked.body.publicKey).to.include({ rpId: 'whatsapp.com' });
      const answer = await call('POST', '/sessions/fresh/passkey', network.signPasskey(FRESH));
      expect(answer.status).to.equal(200);
      await connected(service.url, 'fresh', BACK_WITHIN_MS);
    });

    it('answers the notice that would unlink it', async () => {
      await logged('fault', { where: 'dialog' });
      await network.clock.advance(NOTICE_MS);
      expect(network.devicesOf(FRESH)).to.have.length(1);
    });

    it('continues after the page has reloaded itself', async () => {
      const person = someone();
      const outcomes: string[] = [];
      await eventually('a send that leaves', async () => {
        const text = `text ${outcomes.length}`;
        const { status, body } = await post('messages', { to: person, message: text }, 'fresh');
        const error = body.error as { details?: { outcome?: string } } | undefined;
        const outcome = status === 200 ? 'sent' : (error?.details?.outcome ?? 'refused');
        outcomes.push(outcome);
        if (outcome === 'sent') expect(arrived(person, text)).to.equal(1);
        else if (outcome !== 'unknown') expect(arrived(person, text)).to.equal(0);
        return outcome === 'sent';
      });
      network.write(person, { to: FRESH, text: 'are you there?' });
      await answered(person, 'are you there?');
      expect((await session('fresh')).status).to.equal('connected');
    });
  });

  describe('a killed service', function () {
    this.timeout(180_000);
    const NUMBER = '6281111111113';
    const database = withDatabase();

    /** A Chromium on the stand-in; a wrapper, since the environment can't pass arguments with spaces. */
    async function chromiumOf(page: StandIn): Promise<string> {
      const path = join(service.dir, 'chromium');
      const switches = page.chromiumArgs.map((argument) => `'${argument}'`).join(' ');
      await writeFile(path, `#!/bin/sh\nexec '${executablePath}' ${switches} "$@"\n`);
      await chmod(path, 0o755);
      return path;
    }

    it('on a page of July finds what was sent, sends nothing twice, and answers chats that an own send has marked read', async () => {
      const world = new SandboxNetwork();
      const page = await startStandIn(world, { edition: '2026-07' });
      const dir = join(service.dir, 'killed');
      const env = {
        WHATSAPP_DRIVER: 'wwebjs',
        PUPPETEER_EXECUTABLE_PATH: await chromiumOf(page),
        DB_URL: database().url,
        DATA_DIR: join(dir, 'data'),
        TEMP_DIR: join(dir, 'temp'),
        WWEBJS_AUTH_DIR: join(dir, 'auth'),
        AI_BACKEND_URL: service.ai.url,
      };
      const [ann, bob] = [someone(), someone()];
      const echo = service.ai.behave;
      let running = startProcess(env);
      try {
        let url = await running.url();
        await linkAgent({ url, network: world }, 'killed', NUMBER);

        // The first of three is answered, which marks the chat read; the second gets no reply.
        service.ai.behave = ({ body }) =>
          body.message === 'two' ? 'hang' : { body: { reply: `AI: ${body.message}` } };
        for (const text of ['one', 'two', 'three']) world.write(ann, { to: NUMBER, text });
        const has = (person: string, text: string) =>
          world.messages(person).filter(({ body, fromMe }) => !fromMe && body === text).length;
        await eventually('the first answer', () => has(ann, 'AI: one') === 1);
        await eventually('the second question', () => service.ai.calls.at(-1)?.body.message === 'two');

        // A message has reached WhatsApp and is not acknowledged yet.
        world.faults.setLatency(NUMBER, 3_000);
        const message = { to: bob, message: 'on its way' };
        const sending = callApi(url, 'POST', '/agents/killed/messages', message, {
          ...BEARER,
          prefer: 'respond-async',
        });
        const { id } = (await sending).body;
        await eventually('the hand-over', () =>
          world.messages(NUMBER).some(({ body, fromMe }) => fromMe && body === 'on its way'),
        );
        await running.end('SIGKILL');

        service.ai.behave = echo;
        world.faults.setLatency(NUMBER, 0);
        running = startProcess(env);
        url = await running.url();
        await connected(url, 'killed', BACK_WITHIN_MS);
        await eventually('the third answer', () => has(ann, 'AI: three') === 1, BACK_WITHIN_MS);
        const { status } = await eventually('the outcome', async () => {
          const { body } = await callApi(url, 'GET', `/agents/killed/messages/${id}`, undefined, BEARER);
          return !['queued', 'sending'].includes(String(body.status)) && body;
        });
        expect(status).to.be.oneOf(['sent', 'delivered', 'read']);
        expect(has(bob, 'on its way')).to.equal(1);
        expect(has(ann, 'AI: one')).to.equal(1);
      } finally {
        service.ai.behave = echo;
        await running.end('SIGTERM');
        await page.close();
        world.close();
      }
    });
  });
});
