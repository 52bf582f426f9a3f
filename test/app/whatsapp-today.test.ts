import { expect } from 'chai';
import { createLogger } from '../../src/infra/logging/logger.ts';
import type { ApiAnswer } from '../support/api.ts';
import { EventStream } from '../support/event-stream.ts';
import { eventually } from '../support/eventually.ts';
import { BOT, CUSTOMER, OTHER_BOT as OTHER } from '../support/fixtures.ts';
import { type LogLine, readLine } from '../support/log-lines.ts';
import { withScriptedSandbox } from '../support/scripted-sandbox.ts';

const STRANGER = '6285000000002';
const MINUTE = 60_000;

describe('WhatsApp as it is today, over HTTP', () => {
  const lines: LogLine[] = [];
  const logger = createLogger('info', { write: (line: string) => void lines.push(readLine(line)) });
  const suite = withScriptedSandbox(BOT, { logger, env: { SEND_TIMEOUT_MS: '10000' } });
  const streams: EventStream[] = [];
  /** The texts that the AI was asked in this test. */
  const asked: string[] = [];
  beforeEach(() => {
    lines.splice(0);
    asked.splice(0);
    suite.service.ai.behave = ({ body }) => {
      asked.push(String(body.message));
      return { body: { reply: `AI: ${body.message}` } };
    };
  });
  afterEach(() => {
    for (const stream of streams.splice(0)) stream.close();
  });

  /** The session in the API. */
  const session = async (agentId: string) => (await suite.api.call('GET', `/sessions/${agentId}`)).body;

  /** Follows a session's events. */
  async function follow(agentId: string): Promise<EventStream> {
    const stream = await EventStream.open(`${suite.api.url}/sessions/${agentId}/events`);
    streams.push(stream);
    await stream.has('event: mailbox');
    return stream;
  }

  /** The value of one series of the metrics; undefined when there is none. */
  async function metric(series: string): Promise<number | undefined> {
    const text = await (await fetch(`${suite.api.url}/metrics`)).text();
    const line = text.split('\n').find((each) => each.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.slice(series.length + 1));
  }

  /** The lines of one log event, of one agent. */
  const logged = (event: string, agentId: string) =>
    lines.filter((line) => line.event === event && line.agentId === agentId);

  /** Checks that an answer is an error; returns its details. */
  function refused({ status, body }: ApiAnswer, expected: [number, string]): unknown {
    expect([status, body.error?.code], JSON.stringify(body)).to.deep.equal(expected);
    return (body.error as { details?: unknown }).details;
  }

  /** The replies that the customer received. */
  const replies = async () =>
    (await suite.api.messagesOf(CUSTOMER)).map(({ body }) => body).filter((body) => body.startsWith('AI: '));

  /** Writes one more message and waits for its reply: earlier ones of its chat are handled by then. */
  async function barrier(agentId: string, text: string): Promise<void> {
    await suite.api.phone(agentId, 'messages', { from: CUSTOMER, text });
    await eventually(`the reply to ${text}`, async () => (await replies()).includes(`AI: ${text}`));
  }

  describe('linking with a passkey', () => {
    for (const passkey of ['refs_stop', 'refs_go_on']) {
      it(`shows the reason, returns the challenge and links with the assertion: ${passkey}`, async () => {
        await suite.api.configure({ passkey });
        await suite.api.createAgent('shop');
        const stream = await follow('shop');
        await suite.api.phone('shop', 'scan', { number: OTHER });
        await stream.has('"reason":"PASSKEY_REQUIRED"');
        await stream.has('event: passkey\ndata: {"isRequired":true,"hasChallenge":true}');
        expect(await session('shop')).to.include({ status: 'awaiting_qr', reason: 'PASSKEY_REQUIRED' });
        // QRs that the page still shows are useless.
        await suite.api.advance(MINUTE);
        refused(await suite.api.call('GET', '/sessions/shop/qr'), [409, 'SESSION_NOT_READY']);

        const challenge = await suite.api.call('GET', '/sessions/shop/passkey');
        expect(challenge.status).to.equal(200);
        expect(challenge.headers.get('cache-control')).to.equal('no-store');
        expect(challenge.body.publicKey).to.include({ rpId: 'whatsapp.com' });
        const { body: assertion } = await suite.api.phone('shop', 'passkey', { number: OTHER });
        const answer = await suite.api.call('POST', '/sessions/shop/passkey', assertion);
        expect([answer.status, answer.body]).to.deep.equal([200, { agentId: 'shop', accepted: true }]);
        await suite.api.connected('shop');
        await stream.has('event: passkey\ndata: {"isRequired":false,"hasChallenge":false}');
        expect(await session('shop')).to.include({ reason: null });
        expect((await suite.api.send('shop', CUSTOMER, 'linked')).status).to.equal(200);
        expect(logged('session.passkey', 'shop').map(({ hasChallenge }) => hasChallenge)).to.deep.equal([
          false,
          true,
        ]);
      });
    }

    it('asks again when WhatsApp refuses the assertion, and links with the next', async () => {
      await suite.api.configure({ passkey: 'refs_stop' });
      await suite.api.createAgent('shop');
      await suite.api.phone('shop', 'scan', { number: OTHER });
      const challenge = () =>
        eventually('a challenge', async () => {
          const { status, body } = await suite.api.call('GET', '/sessions/shop/passkey');
          return status === 200 && (body.publicKey as { challenge: string }).challenge;
        });
      const first = await challenge();
      const { body: assertion } = await suite.api.phone('shop', 'passkey', { number: OTHER });
      const forged = { ...assertion, response: { ...(assertion.response as object), signature: 'AQID' } };
      refused(await suite.api.call('POST', '/sessions/shop/passkey', forged), [502, 'BAD_GATEWAY']);
      await eventually('another challenge', async () => (await challenge()) !== first);
      const { body: good } = await suite.api.phone('shop', 'passkey', { number: OTHER });
      expect((await suite.api.call('POST', '/sessions/shop/passkey', good)).status).to.equal(200);
      await suite.api.connected('shop');
    });

    it('stops with the reason when the challenge is not signed, and shows a QR on the next start', async () => {
      await suite.api.configure({ passkey: 'refs_stop' });
      await suite.api.createAgent('shop');
      await suite.api.phone('shop', 'scan', { number: OTHER });
      await eventually('the reason', async () => (await session('shop')).reason === 'PASSKEY_REQUIRED');
      await suite.api.advance(6 * MINUTE);
      await suite.api.state('shop', 'disconnected');
      expect(await session('shop')).to.include({ reason: 'PASSKEY_REQUIRED' });
      refused(await suite.api.call('GET', '/sessions/shop/passkey'), [409, 'SESSION_NOT_READY']);
      expect((await suite.api.createAgent('shop')).body.qr).to.be.a('string');
    });

    it('answers 409 when no passkey is asked for', async () => {
      await suite.api.createAgent('shop');
      const { body: assertion } = await anAssertion();
      for (const agentId of ['bot', 'shop']) {
        const read = await suite.api.call('GET', `/sessions/${agentId}/passkey`);
        expect(refused(read, [409, 'SESSION_NOT_READY'])).to.deep.equal({ reason: 'NO_PASSKEY' });
        const posted = await suite.api.call('POST', `/sessions/${agentId}/passkey`, assertion);
        expect(refused(posted, [409, 'SESSION_NOT_READY'])).to.deep.equal({ reason: 'NO_PASSKEY' });
      }
      refused(await suite.api.call('GET', '/sessions/unknown/passkey'), [404, 'SESSION_NOT_FOUND']);
    });

    /** An assertion for an agent that was asked for a passkey. */
    async function anAssertion(): Promise<ApiAnswer> {
      await suite.api.configure({ passkey: 'refs_stop' });
      await suite.api.createAgent('asked');
      await suite.api.phone('asked', 'scan', { number: OTHER });
      await eventually('the challenge', async () => {
        return (await suite.api.call('GET', '/sessions/asked/passkey')).status === 200;
      });
      return suite.api.phone('asked', 'passkey', { number: OTHER });
    }
  });

  describe('linking with a pairing code', () => {
    /** Asks for a code that links an agent. */
    const codeOf = (agentId: string, phoneNumber: string) =>
      suite.api.call('POST', `/sessions/${agentId}/pairing-code`, { phoneNumber });

    it('links the phone that the code is typed into', async () => {
      await suite.api.createAgent('shop');
      const { status, body } = await codeOf('shop', `+${OTHER}`);
      expect(status).to.equal(200);
      expect(body.code).to.match(/^[0-9A-Z]{8}$/);
      const { body: clock } = await suite.api.call('GET', '/sandbox/clock');
      expect(Date.parse(String(body.expiresAt))).to.be.above(Date.parse(String(clock.now)));
      await suite.api.phone('shop', 'code', { number: OTHER, code: body.code });
      await suite.api.connected('shop');
      expect((await suite.api.send('shop', CUSTOMER, 'linked')).status).to.equal(200);
    });

    it('expires at the time in the answer', async () => {
      await suite.api.createAgent('shop');
      const { body } = await codeOf('shop', OTHER);
      const { body: clock } = await suite.api.call('GET', '/sandbox/clock');
      await suite.api.advance(Date.parse(String(body.expiresAt)) - Date.parse(String(clock.now)));
      const typed = await suite.api.phone('shop', 'code', { number: OTHER, code: body.code });
      refused(typed, [404, 'NOT_FOUND']);
    });

    it('is refused for a linked agent, which stays connected', async () => {
      const details = refused(await codeOf('bot', OTHER), [409, 'SESSION_NOT_READY']);
      expect(details).to.deep.equal({ reason: 'AGENT_LINKED' });
      expect(await session('bot')).to.include({ status: 'connected' });
    });

    it('is refused for a number linked to another agent, which stays connected', async () => {
      await suite.api.createAgent('shop');
      const details = refused(await codeOf('shop', BOT), [409, 'SESSION_NOT_READY']);
      expect(details).to.deep.equal({ reason: 'NUMBER_LINKED' });
      await suite.api.advance(MINUTE);
      expect(await session('bot')).to.include({ status: 'connected' });
      expect((await suite.api.send('bot', CUSTOMER, 'still here')).status).to.equal(200);
    });

    it('is refused while no QR is shown', async () => {
      await suite.api.createAgent('shop');
      await suite.api.advance(10 * MINUTE);
      await suite.api.state('shop', 'disconnected');
      const details = refused(await codeOf('shop', OTHER), [409, 'SESSION_NOT_READY']);
      expect(details).to.deep.equal({ reason: 'NO_QR' });
      refused(await codeOf('unknown', OTHER), [404, 'SESSION_NOT_FOUND']);
    });

    it('is refused for a number without an account', async () => {
      await suite.api.createAgent('shop');
      refused(await codeOf('shop', '15550000001'), [422, 'RECIPIENT_NOT_ON_WHATSAPP']);
    });
  });

  describe('a restriction of the account', () => {
    for (const [kind, code, number] of [
      ['reachout_timelock', 'REACHOUT_TIMELOCKED', 463],
      ['message_cap', 'MESSAGE_CAPPED', 475],
    ] as const) {
      it(`refuses new chats with ${code} (${number}), allows replies and ends at its time`, async () => {
        const stream = await follow('bot');
        await suite.api.phone('bot', 'messages', { from: CUSTOMER, text: 'hello' });
        await suite.api.phone('bot', 'network', { restrict: { kind, forMs: 10 * MINUTE } });
        await stream.has(`event: restriction\ndata: {"restriction":{"kind":"${kind}","since":"`);
        const { restriction } = await session('bot');
        expect(restriction).to.include({ kind }).and.to.have.all.keys('kind', 'since', 'until');
        const { since, until } = restriction as { since: string; until: string };
        expect(Date.parse(until) - Date.parse(since)).to.be.within(9 * MINUTE, 10 * MINUTE);

        const details = refused(await suite.api.send('bot', STRANGER, 'hello'), [403, code]);
        expect(details).to.include({ outcome: 'failed' });
        const { id } = details as { id: string };
        const { body: message } = await suite.api.call('GET', `/agents/bot/messages/${id}`);
        expect(message).to.include({ status: 'failed' });
        expect(message.error).to.include({ code });
        expect(await suite.api.messagesOf(STRANGER)).to.deep.equal([]);
        expect((await suite.api.send('bot', CUSTOMER, 'a reply')).status).to.equal(200);
        expect(await metric(`wa_restricted{agent_id="bot",kind="${kind}"}`)).to.equal(1);
        expect(logged('whatsapp.restricted', 'bot')).to.have.length(1);
        expect(logged('whatsapp.restricted', 'bot')[0]).to.include({ kind, until });

        await suite.api.advance(10 * MINUTE);
        await stream.has('event: restriction\ndata: {"restriction":null}');
        expect(await session('bot')).to.include({ restriction: null, status: 'connected' });
        expect(await metric(`wa_restricted{agent_id="bot",kind="${kind}"}`)).to.equal(0);
        expect(logged('whatsapp.unrestricted', 'bot')).to.have.length(1);
        expect((await suite.api.send('bot', STRANGER, 'now')).status).to.equal(200);
      });
    }

    it('ends at once when WhatsApp ends it early', async () => {
      await suite.api.phone('bot', 'network', { restrict: { kind: 'message_cap' } });
      await eventually('the restriction', async () => (await session('bot')).restriction);
      expect((await session('bot')).restriction).to.have.all.keys('kind', 'since');
      await suite.api.phone('bot', 'network', { restrict: null });
      expect(await session('bot')).to.include({ restriction: null });
      expect((await suite.api.send('bot', STRANGER, 'now')).status).to.equal(200);
    });

    it('changes a message from unknown to failed when its refusal arrives late', async () => {
      await suite.api.phone('bot', 'network', { restrict: { kind: 'reachout_timelock' }, latencyMs: 25_000 });
      const { body: accepted } = await suite.api.accept('bot', STRANGER, 'hello');
      const message = async () => (await suite.api.call('GET', `/agents/bot/messages/${accepted.id}`)).body;
      const until = (status: string) =>
        eventually(`the message to be ${status}`, async () => {
          await suite.api.advance(5_000);
          return (await message()).status === status;
        });
      await until('unknown');
      await until('failed');
      expect((await message()).error).to.include({ code: 'REACHOUT_TIMELOCKED' });
      expect(await suite.api.messagesOf(STRANGER)).to.deep.equal([]);
    });
  });

  describe('a page that lacks a binding', () => {
    const BINDING = 'WAWebSendMsgChatAction.addAndSendMsgToChat';

    it('is reported, refuses sends before the hand-over and names what is missing, until it is back', async () => {
      const stream = await follow('bot');
      const checked = async () => ((await session('bot')).live as { whatsapp: object }).whatsapp;
      const state = (name: string) => metric(`wa_compatibility{agent_id="bot",state="${name}"}`);
      await suite.api.configure({ missing: [BINDING] });
      await stream.has(`"compatibility":"broken","repaired":[],"missing":["${BINDING}"]`);
      expect(await checked()).to.deep.include({ compatibility: 'broken', missing: [BINDING] });
      const details = refused(await suite.api.send('bot', CUSTOMER, 'hello'), [502, 'BAD_GATEWAY']);
      expect(details).to.deep.include({ outcome: 'failed', missing: [BINDING] });
      const { id } = details as { id: string };
      expect((await suite.api.call('GET', `/agents/bot/messages/${id}`)).body.status).to.equal('failed');
      expect([await state('broken'), await state('ok')]).to.deep.equal([1, 0]);
      expect(logged('whatsapp.incompatible', 'bot')).to.have.length(1);
      expect(logged('whatsapp.incompatible', 'bot')[0]).to.deep.include({ missing: [BINDING] });

      await suite.api.configure({ missing: [] });
      await stream.has('"compatibility":"ok"');
      expect(await checked()).to.deep.include({ compatibility: 'ok', missing: [] });
      expect((await suite.api.send('bot', CUSTOMER, 'hello again')).status).to.equal(200);
      expect(await suite.api.sentTexts('bot', `${CUSTOMER}@c.us`)).to.deep.equal(['hello again']);
      expect([await state('broken'), await state('ok')]).to.deep.equal([0, 1]);
      expect(logged('whatsapp.compatible', 'bot')).not.to.be.empty;
      expect((await session('bot')).supervisor).to.deep.equal({ restarts: 0 });
    });

    it('shows its version', async () => {
      await suite.api.configure({ webVersion: '2.3000.1234567890' });
      const { live } = await session('bot');
      expect((live as { whatsapp: object }).whatsapp).to.include({ webVersion: '2.3000.1234567890' });
      expect(await metric('wa_whatsapp_web_version_info{version="2.3000.1234567890"}')).to.equal(1);
    });
  });

  for (const skewMs of [MINUTE, -MINUTE]) {
    describe(`WhatsApp's clock, ${skewMs / 1_000} s off the host's`, () => {
      beforeEach(async () => {
        await suite.api.configure({ clockSkewMs: skewMs });
        await suite.api.link('shop', OTHER);
      });

      it('does not prevent the answer to a message right after the link', async () => {
        await barrier('shop', 'open?');
        expect(asked).to.deep.equal(['open?']);
        expect(await replies()).to.deep.equal(['AI: open?']);
      });

      it('measures the 15 minutes in which a missed message is answered', async () => {
        await suite.api.advance(MINUTE);
        await barrier('shop', 'first');
        await suite.api.phone('shop', 'network', { drop: true });
        await suite.api.phone('shop', 'messages', { from: CUSTOMER, text: 'too old' });
        await suite.api.advance(45_000);
        await suite.api.phone('shop', 'messages', { from: CUSTOMER, text: 'young enough' });
        await suite.api.advance(14.5 * MINUTE);
        await suite.api.phone('shop', 'network', { restore: true });
        await suite.api.advance(5 * MINUTE);
        await suite.api.connected('shop');
        await barrier('shop', 'last');
        expect(asked).to.deep.equal(['first', 'young enough', 'last']);
      });

      it('does not duplicate a send whose browser crashes', async () => {
        await suite.api.phone('shop', 'network', { latencyMs: 5_000 });
        const { body } = await suite.api.accept('shop', CUSTOMER, 'once');
        await eventually('the hand-over', async () => {
          await suite.api.advance(1_000);
          return (await suite.api.newest('shop', CUSTOMER))?.body === 'once';
        });
        await suite.api.phone('shop', 'network', { crash: true });
        await suite.api.advance(5 * MINUTE);
        await suite.api.connected('shop');
        expect(await suite.api.settled('shop', [String(body.id)])).to.deep.equal({ sent: 1 });
        expect((await suite.api.messagesOf(CUSTOMER)).map(({ body: text }) => text)).to.deep.equal(['once']);
      });
    });
  }

  describe('direct messages that arrive with two keys, by number and by LID', () => {
    for (const byLid of [false, true])
      it(`are answered once each, in order, also after a lost connection; byLid: ${byLid}`, async () => {
        await suite.api.configure({ twoKeys: true });
        const write = (text: string) => suite.api.phone('bot', 'messages', { from: CUSTOMER, text, byLid });
        for (const text of ['one', 'two', 'three']) await write(text);
        await barrier('bot', 'four');
        await suite.api.phone('bot', 'network', { drop: true });
        await write('five');
        await suite.api.phone('bot', 'network', { restore: true });
        await suite.api.phone('bot', 'network', { crash: true });
        await suite.api.advance(MINUTE);
        await suite.api.connected('bot');
        await barrier('bot', 'six');
        const texts = ['one', 'two', 'three', 'four', 'five', 'six'];
        expect(asked).to.deep.equal(texts);
        expect(await replies()).to.deep.equal(texts.map((text) => `AI: ${text}`));
      });
  });
});
