import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import { BOT, CUSTOMER } from '../support/fixtures.ts';
import { withScriptedSandbox } from '../support/scripted-sandbox.ts';

const MINUTE = 60_000;

describe('advancing the time of the whole sandbox', () => {
  const suite = withScriptedSandbox(BOT);

  it('replaces an unscanned QR, and refuses the expired one', async () => {
    await suite.api.createAgent('other');
    const qr = async () =>
      (await fetch(`${suite.api.url}/sessions/other/qr`, { headers: { accept: 'text/plain' } })).text();
    const first = await qr();
    await suite.api.advance(20_000);
    expect(await qr()).not.to.equal(first);
    const { status, body } = await suite.api.phone('other', 'scan', { qr: first });
    expect(status).to.equal(409);
    expect(body.error).to.deep.include({
      code: 'SESSION_NOT_READY',
      details: { reason: 'EXPIRED_REF' },
    });
  });

  it('withdraws the QR of an agent that is never scanned', async () => {
    await suite.api.createAgent('other');
    await suite.api.advance(10 * MINUTE);
    expect(await suite.api.state('other', 'disconnected')).to.include({ reason: 'QR_EXPIRED' });
  });

  it('times an AI call out after a minute, alerting the developer but not the customer', async () => {
    suite.service.ai.behave = () => 'hang';
    const asked = suite.service.ai.calls.length;
    await suite.api.phone('bot', 'messages', { from: CUSTOMER, text: 'are you open?' });
    await eventually('the AI to be asked', () => suite.service.ai.calls.length > asked);
    await suite.api.advance(MINUTE);
    const developer = suite.service.config.DEVELOPER_NUMBER;
    const report = await eventually('the report', async () => (await suite.api.messagesOf(developer))[0]);
    expect(report.body).to.include('reason: TIMEOUT').and.to.include('are you open?');
    expect(await suite.api.messagesOf(CUSTOMER)).to.have.length(1);
  });

  it('restarts an agent after a browser crash, whatever its backoff', async () => {
    await suite.api.phone('bot', 'network', { crash: true });
    await eventually('the next start to be planned', async () => {
      const { body } = await suite.api.call('GET', '/sessions/bot');
      return (body.supervisor as { nextStartAt?: string }).nextStartAt;
    });
    await suite.api.advance(5 * MINUTE);
    await suite.api.connected('bot');
  });

  it('restarts a hung page, detected by its probes', async () => {
    await suite.api.phone('bot', 'network', { freeze: true });
    await suite.api.advance(5 * MINUTE);
    await eventually('the restart', async () => {
      const { body } = await suite.api.call('GET', '/sessions/bot');
      return (body.supervisor as { restarts: number }).restarts > 0 && body.status === 'connected';
    });
  });

  it('keeps a healthy agent connected for a day', async () => {
    await suite.api.advance(24 * 60 * MINUTE);
    const { body } = await suite.api.call('GET', '/sessions/bot');
    expect(body).to.deep.include({ status: 'connected', supervisor: { restarts: 0 } });
    expect((await suite.api.send('bot', CUSTOMER, 'still here')).body).to.include({ status: 'sent' });
    const { body: clock } = await suite.api.call('GET', '/sandbox/clock');
    expect(clock.advancedMs).to.be.above(24 * 60 * MINUTE - 1_000);
  });

  it('fails messages that waited longer than an hour for the connection', async () => {
    await suite.api.phone('bot', 'network', { latencyMs: 600_000 });
    const { body: first } = await suite.api.accept('bot', CUSTOMER, 'slow');
    const { body: second } = await suite.api.accept('bot', CUSTOMER, 'late');
    await suite.api.phone('bot', 'unlink');
    await suite.api.state('bot', 'disconnected');
    await suite.api.advance(61 * MINUTE);
    for (const { id } of [first, second]) {
      const { body } = await suite.api.call('GET', `/agents/bot/messages/${id}`);
      expect(body.error, JSON.stringify(body)).to.include({ code: 'EXPIRED' });
    }
  });
});
