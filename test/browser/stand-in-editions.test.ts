import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { expect } from 'chai';
import { type Browser, chromium, type Page } from 'playwright-core';
import { SandboxNetwork } from '../../src/sandbox/network/network.ts';
import { whenChromium } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { EDITIONS, SOURCES, type Switches } from '../support/stand-in/editions.ts';
import { type StandIn, type StandInOptions, startStandIn } from '../support/stand-in/index.ts';

const BOT = '628110000001@c.us';
const ANN = '628120000002@c.us';
const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/** What whatsapp-web.js and the page layer `require`. */
const NEEDED = `WAWebSocketModel WAWebCmd WAWebConnModel WAWebOfflineHandler WAWebAltDeviceLinkingApi WABase64
  WAWebCompanionRegClientUtils WAWebAdvSignatureApi WAWebUserPrefsInfoStore WAWebSignalStoreApi
  WAWebUserPrefsMultiDevice WAWebUserPrefsMeUser WAWebCollections WAWebCallCollection WAWebSyncGatingUtils
  WAWebNonMessageDataRequestPlaceholderMessageResendUtils WAWebWidFactory WAWebFindChatAction WAWebChatGetters
  WAWebMsgKey WAWebGetEphemeralFieldsMsgActionsUtils WAWebSendMsgChatAction WAWebMsgReply WALinkify
  WAWebBotProfileCollection WAWebMediaOpaqueData WAWebPrepRawMedia WAWebMediaStorage WAWebMmsMediaTypes
  WAWebMediaMmsV4Upload WAWebMediaDataUtils WAWebMediaInMemoryBlobCache WAMediaCalculateFilehash
  WAWebQueryExistsJob WAWebChatStateBridge WAWebLinkDeviceEvents WAWebReachoutTimelockUtils
  WAWebIndividualNewChatMessageCappingLimitUtils WAWebLaunchSocketUtils WAWebUpdaterVersion WAWebApiContact`.split(
  /\s+/,
);

/** Sends a text as the page layer does; returns the results of the page's two promises. */
const SEND = `async (to, text) => {
  const { createWid } = require('WAWebWidFactory');
  const { chat } = await require('WAWebFindChatAction').findOrCreateLatestChat(createWid(to));
  const me = require('WAWebUserPrefsMeUser').getMaybeMePnUser();
  const MsgKey = require('WAWebMsgKey');
  const key = new MsgKey({ from: me, to: chat.id, id: await MsgKey.newId(), selfDir: 'out' });
  const data = { id: key, ack: 0, body: text, from: me, to: chat.id, type: 'chat', isNewMsg: true, t: 0 };
  const [stored, sent] = require('WAWebSendMsgChatAction').addAndSendMsgToChat(chat, data);
  const message = await stored;
  const answer = await sent;
  const { ack, isSendFailure, errorCode } = message;
  return { id: String(key), own: Object.keys(key), ack, isSendFailure, errorCode, answer };
}`;

describe('the editions of the stand-in', () => {
  it('have a source and a date for each switch', () => {
    for (const switches of Object.values(EDITIONS))
      expect(Object.keys(SOURCES)).to.have.members(Object.keys(switches));
    for (const { source, since } of Object.values(SOURCES)) {
      expect(source).to.match(/#\d+|notes|npm/);
      expect(since).to.match(/^(20\d\d(-\d\d)*|always)$/);
    }
  });
});

whenChromium('the stand-in of later editions', (executablePath) => {
  let network: SandboxNetwork;
  let standIn: StandIn;
  let browser: Browser;
  let page: Page;

  /** Opens the page of an edition in its own browser. */
  async function open(options: StandInOptions = {}, userAgent = 'Chrome'): Promise<void> {
    standIn = await startStandIn(network, options);
    const args = [...standIn.chromiumArgs, '--no-sandbox'];
    browser = await chromium.launch({ executablePath, args });
    const context = await browser.newContext({ ignoreHTTPSErrors: true, userAgent });
    page = await context.newPage();
    await page.goto('https://web.whatsapp.com/');
    if (!userAgent.includes('Headless')) await page.waitForFunction('window.require');
  }

  /** Evaluates an expression in the page. */
  const inPage = <T>(expression: string): Promise<T> => page.evaluate(expression) as Promise<T>;

  /** Waits until the page's socket is in this state. */
  const inState = (state: string) =>
    page.waitForFunction(`window.require?.('WAWebSocketModel').Socket.state === '${state}'`);

  /** Scans the code that the page shows. */
  async function scan(): Promise<void> {
    await inState('UNPAIRED');
    const ref = await inPage<string>(`require('WAWebConnModel').Conn.ref`);
    network.scan(ref, BOT);
  }

  /** Links the page, and subscribes to messages as the library does. */
  async function link(): Promise<void> {
    await scan();
    await inState('CONNECTED');
    await page.waitForFunction(`require('WAWebUserPrefsMeUser').getMaybeMePnUser() !== null`);
    await inPage(`{
      const { Msg } = require('WAWebCollections');
      window.events = [];
      Msg.on('add', ({ id, type, body, isNewMsg }) => isNewMsg && events.push(['add', String(id), type, body]));
      Msg.on('change:type', ({ id }, type) => events.push(['type', String(id), type]));
      Msg.on('change:body', (message, body) => events.push(['body', String(message.latestEditMsgKey), body]));
    }`);
  }

  /** Sends a text. */
  const send = (to: string, text: string) =>
    inPage<{
      id: string;
      own: string[];
      ack: number;
      isSendFailure?: boolean;
      errorCode?: number;
      answer: object;
    }>(`(${SEND})('${to}', '${text}')`);

  /** What a call in the page throws: outside the page, and inside it. */
  async function thrownBy(expression: string): Promise<{ crossed: string; inside: Record<string, unknown> }> {
    const call = `(async () => ${expression})()`;
    const crossed = await inPage(call).catch((error: unknown) => String(error));
    const inside = await inPage(`${call}.catch((e) => ({ name: e.name, message: e.message, ...e }))`);
    return { crossed: String(crossed), inside: inside as Record<string, unknown> };
  }

  beforeEach(() => {
    network = new SandboxNetwork({ connectMs: 0, refLifetimeMs: 300_000 });
    network.account(ANN, { name: 'Ann' });
  });
  afterEach(async () => {
    await browser.close();
    await standIn.close();
    network.close();
  });

  for (const edition of ['2026-04', '2026-07', '2026-10'] as const) {
    it(`has every required module, in ${edition}`, async () => {
      await open({ edition });
      const missing = await inPage(
        `${JSON.stringify(NEEDED)}.filter((name) => { try { return !require(name); } catch { return true; } })`,
      );
      expect(missing).to.deep.equal([]);
      expect(await inPage(`require('WAWebUpdaterVersion').VERSION`)).to.equal(EDITIONS[edition].webVersion);
      await page.waitForFunction(`window.Debug?.VERSION === '${EDITIONS[edition].webVersion}'`);
    });

    it(`sends a message under the key that the page created, in ${edition}`, async () => {
      await open({ edition });
      await link();
      const { id, own } = await send(ANN, 'hello');
      const { msgKey } = EDITIONS[edition];
      expect(own.at(-1)).to.equal(msgKey);
      expect(network.messages(BOT)[0]).to.include({ id });
      // The same holds for keys from before the repair.
      await page.reload();
      await inState('CONNECTED');
      const history = `require('WAWebCollections').Msg.getModelsArray().map(({ id }) => id['${msgKey}'])`;
      await eventually('the history', async () => (await inPage<string[]>(history)).includes(id));
    });
  }

  it('has the text of an error in an own property', async () => {
    await open({ switches: { wordlessErrors: true } });
    const { crossed, inside } = await thrownBy(`require('WAWebWidFactory').createWid('junk')`);
    expect(crossed.split('\n')[0]).to.match(/r: r$/);
    expect(inside).to.include({ name: 'r', message: 'r', reason: 'wid error: invalid wid' });
    standIn.set({ wordlessErrors: false });
    await eventually('words', async () =>
      (await thrownBy(`require('WAWebWidFactory').createWid('junk')`)).crossed.includes('invalid wid'),
    );
  });

  it('rejects a message with the id of a media model, and a download without a mimetype', async () => {
    await open({ switches: { mediaId: true, downloadNeedsMime: true } });
    await link();
    const prepared = await inPage<string[]>(`(async () => {
      const OpaqueData = require('WAWebMediaOpaqueData');
      const file = await OpaqueData.createFromData(new Blob(['x'], { type: 'image/png' }), 'image/png');
      return Object.keys(await require('WAWebPrepRawMedia').prepRawMedia(file, {}).waitForPrep());
    })()`);
    expect(prepared).to.include('__x_id');
    const { inside } = await thrownBy(
      `require('WAWebSendMsgChatAction').addAndSendMsgToChat({}, { __x_id: 'x' })[0]`,
    );
    expect(inside.message).to.equal('Data passed to getter must include an id property');
    network.write(ANN, {
      to: BOT,
      text: '',
      file: { type: 'image', data: Buffer.from(PIXEL, 'base64'), mimetype: 'image/png' },
    });
    const path = await eventually('the image', () => network.messages(BOT)[0]?.media?.sha256);
    const download = (facts: string) =>
      thrownBy(
        `(await require('WAWebDownloadManager').downloadManager.downloadAndMaybeDecrypt({ directPath: '/media/${path}'${facts} })).byteLength`,
      );
    expect((await download('')).inside.message).to.match(/mimetype/);
    expect((await download(`, mimetype: 'image/png'`)).crossed).to.match(/^\d+$/);
  });

  for (const [kind, code, kept] of [
    ['reachout_timelock', 463, undefined],
    ['message_cap', 475, 475],
  ] as const)
    it(`refuses a message to a new person with ${code}, not to one who wrote before`, async () => {
      await open();
      await link();
      network.write(ANN, { to: BOT, text: 'me first' });
      network.faults.restrict(BOT, { kind });
      const asked =
        kind === 'message_cap'
          ? `require('WAWebIndividualNewChatMessageCappingLimitUtils').isUserCapped()`
          : `require('WAWebReachoutTimelockUtils').isUserReachoutTimelocked()`;
      await page.waitForFunction(asked);
      const refused = await send('628120000003@c.us', 'hello, stranger');
      expect(refused).to.deep.include({ ack: -1, isSendFailure: true, errorCode: kept });
      expect(refused.answer).to.include({ messageSendResult: 'ERROR_UNKNOWN', ackErrorCode: code });
      const sent = await send(ANN, 'hello, Ann');
      expect(sent.answer).to.include({ messageSendResult: 'OK' });
    });

  it('edits and revokes received messages, loaded or not', async () => {
    await open();
    await link();
    const { id } = network.write(ANN, { to: BOT, text: 'tpyo' });
    const events = () => inPage<string[][]>('events');
    await eventually('the message', async () => (await events()).length === 1);
    const [[, own]] = (await events()) as [string[]];
    network.edit(ANN, id, 'typo');
    network.revoke(ANN, id);
    await eventually('both', async () => (await events()).some(([what]) => what === 'type'));
    const changes = (await events()).slice(1);
    // Each change has a key of its own, which a revoked message takes.
    const { stanzaId, changeStanzaId } = network.messages(ANN)[0]!;
    expect(changes[0]).to.include.members(['body', 'typo']).and.not.include(own);
    expect(changes[1]).to.deep.equal(['type', own!.replace(stanzaId, changeStanzaId!), 'revoked']);
  });

  it('shows no code once its references are used up, until the refresh of this build is called', async () => {
    network.close();
    network = new SandboxNetwork({ connectMs: 0, refLifetimeMs: 50 });
    network.configure({ refsPerDevice: 3 });
    await open({ switches: { refreshQrMoved: true } });
    await inState('UNPAIRED_IDLE');
    expect(await inPage(`require('WAWebCmd').Cmd.refreshQR === undefined`)).to.equal(true);
    await inPage(`require('WAWebLaunchSocketUtils').refreshQR()`);
    await inState('UNPAIRED');
  });

  it('links by a pairing code', async () => {
    await open();
    await inState('UNPAIRED');
    const code = await inPage<string>(
      `require('WAWebAltDeviceLinkingApi').startAltLinkingFlow('${BOT.split('@')[0]}', true)`,
    );
    network.enterCode(BOT, code);
    await inState('CONNECTED');
  });

  for (const passkey of ['refs_stop', 'refs_go_on'] as const)
    it(`waits for a passkey and accepts an assertion of the browser's authenticator, ${passkey}`, async () => {
      network.configure({ passkey });
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const id = Buffer.from('a credential');
      network.registerPasskey(BOT, { id: id.toString('base64url'), publicKey: createPublicKey(privateKey) });
      await open();
      const devtools = await page.context().newCDPSession(page);
      await devtools.send('WebAuthn.enable');
      const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', {
        options: {
          protocol: 'ctap2',
          transport: 'internal',
          hasResidentKey: true,
          hasUserVerification: true,
          isUserVerified: true,
          automaticPresenceSimulation: true,
        },
      });
      await devtools.send('WebAuthn.addCredential', {
        authenticatorId,
        credential: {
          credentialId: id.toString('base64'),
          isResidentCredential: true,
          rpId: 'whatsapp.com',
          privateKey: privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64'),
          userHandle: Buffer.from('owner').toString('base64'),
          signCount: 1,
        },
      });
      await inPage(
        `require('WAWebLinkDeviceEvents').on('link_device_events:passkey_prologue_request', () => { window.asked = true; })`,
      );
      await scan();
      await page.getByTestId('shortcake_passkey_screen').waitFor();
      expect(await inPage('window.asked')).to.equal(true);
      expect(await inPage(`require('WAWebSocketModel').Socket.state`)).to.equal('UNPAIRED');
      expect(network.devicesOf(BOT)).to.deep.equal([]);
      await page.getByTestId('shortcake_passkey_continue_button').click();
      await inState('CONNECTED');
      expect(await page.getByTestId('shortcake_passkey_screen').count()).to.equal(0);
    });

  it('stops linking when the passkey is cancelled', async () => {
    network.configure({ passkey: 'refs_stop' });
    await open();
    await scan();
    await page.getByTestId('shortcake_cancel_button').click();
    await page.getByTestId('shortcake_passkey_screen').waitFor({ state: 'detached' });
    network.configure({ passkey: 'off' });
    await scan();
    await inState('CONNECTED');
  });

  it('logs out a new link unless its notice is answered', async () => {
    network.configure({ noticeMs: 60_000 });
    await open();
    await link();
    const dialog = page.getByRole('dialog').filter({ hasText: 'What’s new on WhatsApp Web' });
    await dialog.getByRole('button', { name: 'Continue' }).click();
    await dialog.waitFor({ state: 'detached' });
    await network.clock.advance(120_000);
    expect(network.devicesOf(BOT)).to.have.length(1);
    network.unlink(BOT);
    await page.waitForURL(/post_logout/);
    await scan();
    await dialog.waitFor();
    await network.clock.advance(61_000);
    await inState('UNPAIRED');
    expect(network.devicesOf(BOT)).to.deep.equal([]);
  });

  it('reloads itself once after a new link', async () => {
    await open({ switches: { reloadAfterLinkMs: 100 } });
    await inPage(`window.isFirst = true`);
    await scan();
    await page.waitForFunction(
      `!window.isFirst && window.require?.('WAWebSocketModel').Socket.state === 'CONNECTED'`,
    );
  });

  it('is synced before the library subscribes', async () => {
    await open({ switches: { syncedEarly: true } });
    await inPage(
      `require('WAWebSocketModel').Socket.on('change:hasSynced', () => { window.synced = true; })`,
    );
    await link();
    expect(await inPage(`[require('WAWebSocketModel').Socket.hasSynced, window.synced]`)).to.deep.equal([
      true,
      undefined,
    ]);
  });

  it('loses and restores modules and exports while it runs', async () => {
    await open();
    const thrown = () =>
      inPage<string>(
        `(() => { try { return typeof require('WALinkify').findLink; } catch (e) { return e.message; } })()`,
      );
    const gone = async (moduleGone: Switches['moduleGone'], answer: string) => {
      standIn.set({ moduleGone });
      await eventually(answer, async () => (await thrown()) === answer);
    };
    await gone(['WALinkify'], 'Requiring unknown module "WALinkify"');
    await gone(['WALinkify.findLink'], 'undefined');
    await gone([], 'function');
  });

  it('answers a look-up with the LID, independent of the address of the chat', async () => {
    await open({ switches: { existsAnswersLid: true } });
    await link();
    const { lid } = network.account(ANN);
    const found = `(async () => String((await require('WAWebQueryExistsJob').queryWidExists(require('WAWebWidFactory').createWid('${ANN}'))).wid))()`;
    expect(await inPage(found)).to.equal(lid);
  });

  it('addresses all people by LID, and knows their numbers unless they are hidden', async () => {
    const hidden = network.account('628120000009', { hidesNumber: true });
    await open({ lidForAll: true });
    const { lid } = network.account(ANN);
    network.write(ANN, { to: BOT, text: 'before' });
    network.write(hidden.pn, { to: BOT, text: 'hidden' });
    await link();
    const numberOf = (address: string) =>
      `String(require('WAWebApiContact').getPhoneNumber(require('WAWebWidFactory').createWid('${address}')))`;
    expect(await inPage(`String(require('WAWebCollections').Chat.get('${lid}').id)`)).to.equal(lid);
    expect(await inPage(numberOf(lid))).to.equal(ANN);
    expect(await inPage(numberOf(hidden.lid))).to.equal('null');
  });

  it('refuses a headless user agent, and shows its version late', async () => {
    await open({ edition: '2026-10' }, 'HeadlessChrome/130');
    expect(await page.textContent('h1')).to.contain('Google Chrome');
    expect(await inPage('typeof window.require')).to.equal('undefined');
    standIn.set({ refusesHeadless: false, debug: 'never' });
    await page.reload();
    await inState('UNPAIRED');
    expect(await inPage('typeof window.Debug')).to.equal('undefined');
  });
});
