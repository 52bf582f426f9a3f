import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import { BOT, CUSTOMER } from '../support/fixtures.ts';
import { type Wire, withScriptedSandbox } from '../support/scripted-sandbox.ts';

const MINUTE = 60_000;

describe('the sandbox, driven by a script', () => {
  const suite = withScriptedSandbox(BOT);

  describe('numbers with fixed behaviour', () => {
    it('15550000000 reads messages after a second', async () => {
      expect((await suite.api.send('bot', '15550000000', 'hi')).status).to.equal(200);
      await suite.api.ticks('bot', '15550000000', 2);
      await suite.api.advance(1_000);
      await suite.api.ticks('bot', '15550000000', 3);
    });

    it('15550000001 is not on WhatsApp', async () => {
      const { status, body } = await suite.api.send('bot', '15550000001', 'hi');
      expect([status, body.error?.code]).to.deep.equal([422, 'RECIPIENT_NOT_ON_WHATSAPP']);
    });

    it('15550000002 stays at one tick, which is a success', async () => {
      expect((await suite.api.send('bot', '15550000002', 'hi')).status).to.equal(200);
      await suite.api.advance(10 * MINUTE);
      expect(await suite.api.newest('bot', '15550000002')).to.include({ ack: 1 });
    });

    it('15550000003 fails once', async () => {
      const first = await suite.api.send('bot', '15550000003', 'hi');
      expect([first.status, first.body.error?.code]).to.deep.equal([502, 'BAD_GATEWAY']);
      expect(first.body.error).to.have.nested.property('details.outcome', 'failed');
      expect((await suite.api.send('bot', '15550000003', 'hi')).status).to.equal(200);
    });

    it('15550000004 answers pong', async () => {
      await suite.api.send('bot', '15550000004', 'ping');
      await eventually(
        'the answer',
        async () => (await suite.api.newest('bot', '15550000004'))?.body !== 'ping',
      );
      const bodies = (await suite.api.messagesOf('15550000004')).map(({ body }) => body);
      expect(bodies.slice(0, 2)).to.deep.equal(['ping', 'pong']);
    });

    it('15550000005 receives messages after thirty seconds', async () => {
      expect((await suite.api.send('bot', '15550000005', 'hi')).status).to.equal(200);
      expect(await suite.api.newest('bot', '15550000005')).to.include({ ack: 1 });
      await suite.api.advance(30_000);
      await suite.api.ticks('bot', '15550000005', 2);
    });

    it('15550000008 drops the connection during the send, which continues after the reconnect', async () => {
      const sent = suite.api.send('bot', '15550000008', 'hi');
      await eventually('the drop', async () => {
        const { body } = await suite.api.call('GET', '/sandbox/phones');
        return (body as unknown as { line: { online: boolean } }[])[0]?.line.online === false;
      });
      await suite.api.advance(3_000);
      expect((await sent).status).to.equal(200);
      expect(await suite.api.sentTexts('bot', '15550000008@c.us')).to.deep.equal(['hi']);
    });

    it('15550000009 gets its sender banned', async () => {
      const { status } = await suite.api.send('bot', '15550000009', 'hi');
      expect(status).to.equal(502);
      expect(await suite.api.state('bot', 'auth_failed')).to.include({ reason: 'TOS_BLOCK' });
    });
  });

  it('delivers 100 messages across a lost connection once each and in order', async () => {
    await suite.api.phone('bot', 'network', { latencyMs: 5 });
    const texts = Array.from({ length: 100 }, (_, index) => `message ${index}`);
    for (const [index, text] of texts.entries()) {
      const { status } = await suite.api.accept('bot', CUSTOMER, text);
      expect(status).to.equal(202);
      if (index === 30) await suite.api.phone('bot', 'network', { drop: true });
      if (index === 60) await suite.api.phone('bot', 'network', { restore: true });
    }
    await eventually(
      'all of them',
      async () => (await suite.api.messagesOf(CUSTOMER)).length >= texts.length,
    );
    expect((await suite.api.messagesOf(CUSTOMER)).map(({ body }) => body)).to.deep.equal(texts);
  });

  it('writes the same wire log for the same seed and script', async () => {
    suite.service.ai.behave = ({ body }) => ({ body: { reply: `AI: ${body.message}` } });
    const logs: Wire[][] = [];
    for (const seed of ['monday', 'monday', 'tuesday']) {
      await suite.api.call('POST', '/sandbox/reset', { seed });
      await suite.api.call('POST', '/sandbox/seed');
      await suite.api.link('bot', BOT.replace(/1$/, '9'));
      await suite.api.phone('bot', 'network', { failureRate: 0.4 });
      for (let index = 0; index < 10; index += 1)
        await suite.api.send('bot', '15550000000', `hello ${index}`);
      await suite.api.phone('bot', 'network', { restore: true });
      await suite.api.phone('bot', 'messages', { from: CUSTOMER, text: 'open today?' });
      await eventually('the reply', async () => (await suite.api.messagesOf(CUSTOMER)).length === 2);
      await suite.api.ticks('bot', CUSTOMER, 2);
      await suite.api.advance(5_000);
      const { body } = await suite.api.call('GET', '/sandbox/wire-log');
      // QRs are also replaced by the host's clock, and lines carry its times.
      const lines = (body as unknown as Wire[]).filter(({ kind }) => kind !== 'ref');
      logs.push(lines.map(({ kind, account, detail }) => ({ kind, account, detail })));
    }
    expect(logs[0]).to.have.length.above(40);
    expect(logs[1]).to.deep.equal(logs[0]);
    expect(logs[2]).not.to.deep.equal(logs[0]);
  });
});
