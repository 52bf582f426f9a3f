import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import { withDatabase } from '../support/postgres.ts';
import { SandboxApi } from '../support/sandbox-api.ts';
import { type Service, startService } from '../support/service.ts';

const BOT = '6281100000001';
const CUSTOMER = '6285000000001';
const MINUTE = 60_000;

interface Wire {
  kind: string;
  account: string | null;
  detail: Record<string, unknown>;
}

interface Message {
  id: string;
  body: string;
  ack: number;
  fromMe: boolean;
}

/** The service of a test, over HTTP alone. */
class Api extends SandboxApi {
  readonly url: string;

  constructor(url: string) {
    super();
    this.url = url;
  }

  /** Lets time pass at once. */
  async advance(advanceMs: number): Promise<void> {
    expect((await this.call('POST', '/sandbox/clock', { advanceMs })).status).to.equal(200);
  }

  /** What is done with a phone of the sandbox. */
  phone(agentId: string, what: string, body: object = {}) {
    return this.call('POST', `/sandbox/phones/${agentId}/${what}`, body);
  }

  /** Sends a text as an agent and waits for its end. */
  send(agentId: string, to: string, message: string) {
    return this.call('POST', `/agents/${agentId}/messages`, { to, message });
  }

  /** What is on somebody's phone. */
  async messagesOf(number: string): Promise<Message[]> {
    const { body } = await this.call('GET', `/sandbox/people/${number}/messages?limit=1000`);
    return body as unknown as Message[];
  }

  /** The newest message of an agent's chat with somebody. */
  async newest(agentId: string, number: string): Promise<Message | undefined> {
    const chat = encodeURIComponent(`${number}@c.us`);
    const { body } = await this.call('GET', `/sandbox/phones/${agentId}/messages?chat=${chat}&limit=1`);
    return (body as unknown as Message[])[0];
  }

  /** Waits until the newest message of a chat has this many ticks. */
  async ticks(agentId: string, number: string, ack: number): Promise<void> {
    await eventually(`${ack} ticks`, async () => (await this.newest(agentId, number))?.ack === ack);
  }

  /** Waits until an agent is in a state, and gives how it is. */
  state(agentId: string, status: string) {
    return eventually(`${agentId} to be ${status}`, async () => {
      const { body } = await this.call('GET', `/sessions/${agentId}`);
      return body.status === status && body;
    });
  }
}

describe('the sandbox, driven by a script', () => {
  const database = withDatabase();
  let service: Service;
  let api: Api;

  before(async () => {
    service = await startService(database(), { env: { WHATSAPP_DRIVER: 'sandbox' } });
    api = new Api(service.app.url);
  });
  after(() => service.close());
  beforeEach(async () => {
    expect((await api.call('POST', '/sandbox/reset', { seed: 'test' })).status).to.equal(200);
    await api.link('bot', BOT);
  });

  describe('time that passes at once', () => {
    it('replaces a QR that nobody scans, and refuses the expired one', async () => {
      await api.createAgent('other');
      const qr = async () =>
        (await fetch(`${api.url}/sessions/other/qr`, { headers: { accept: 'text/plain' } })).text();
      const first = await qr();
      await api.advance(20_000);
      expect(await qr()).not.to.equal(first);
      const { status, body } = await api.phone('other', 'scan', { qr: first });
      expect(status).to.equal(409);
      expect(body.error).to.deep.include({
        code: 'SESSION_NOT_READY',
        details: { reason: 'EXPIRED_REF' },
      });
    });

    it('withdraws the QR of an agent that nobody ever scans', async () => {
      await api.createAgent('other');
      await api.advance(10 * MINUTE);
      expect(await api.state('other', 'disconnected')).to.include({ reason: 'QR_EXPIRED' });
    });

    it('ends an AI call after a minute, reports it, and keeps the customer out of it', async () => {
      service.ai.behave = () => 'hang';
      const asked = service.ai.calls.length;
      await api.phone('bot', 'messages', { from: CUSTOMER, text: 'anybody there?' });
      await eventually('the AI to be asked', () => service.ai.calls.length > asked);
      await api.advance(MINUTE);
      const developer = service.config.DEVELOPER_NUMBER;
      const report = await eventually('the report', async () => (await api.messagesOf(developer))[0]);
      expect(report.body).to.include('reason: TIMEOUT').and.to.include('anybody there?');
      expect(await api.messagesOf(CUSTOMER)).to.have.length(1);
    });

    it('brings back an agent whose browser crashed, whatever its wait is', async () => {
      await api.phone('bot', 'network', { crash: true });
      await eventually('the next start to be planned', async () => {
        const { body } = await api.call('GET', '/sessions/bot');
        return (body.supervisor as { nextStartAt?: string }).nextStartAt;
      });
      await api.advance(5 * MINUTE);
      await api.connected('bot');
    });

    it('restarts a page that hangs, found by its probes', async () => {
      await api.phone('bot', 'network', { freeze: true });
      await api.advance(5 * MINUTE);
      await eventually('the restart', async () => {
        const { body } = await api.call('GET', '/sessions/bot');
        return (body.supervisor as { restarts: number }).restarts > 0 && body.status === 'connected';
      });
    });

    it('leaves a healthy agent as it is for a whole day', async () => {
      await api.advance(24 * 60 * MINUTE);
      const { body } = await api.call('GET', '/sessions/bot');
      expect(body).to.deep.include({ status: 'connected', supervisor: { restarts: 0 } });
      expect((await api.send('bot', CUSTOMER, 'still here')).body).to.include({ status: 'sent' });
      const { body: clock } = await api.call('GET', '/sandbox/clock');
      expect(clock.advancedMs).to.be.above(24 * 60 * MINUTE - 1_000);
    });

    it('fails what waited longer than an hour for its connection', async () => {
      await api.phone('bot', 'network', { latencyMs: 600_000 });
      const { body: first } = await api.accept('bot', CUSTOMER, 'slow');
      const { body: second } = await api.accept('bot', CUSTOMER, 'late');
      await api.phone('bot', 'unlink');
      await api.state('bot', 'disconnected');
      await api.advance(61 * MINUTE);
      for (const { id } of [first, second]) {
        const { body } = await api.call('GET', `/agents/bot/messages/${id}`);
        expect(body.error, JSON.stringify(body)).to.include({ code: 'EXPIRED' });
      }
    });
  });

  describe('numbers with fixed behaviour', () => {
    it('15550000000 reads after a second', async () => {
      expect((await api.send('bot', '15550000000', 'hi')).status).to.equal(200);
      await api.ticks('bot', '15550000000', 2);
      await api.advance(1_000);
      await api.ticks('bot', '15550000000', 3);
    });

    it('15550000001 is not on WhatsApp', async () => {
      const { status, body } = await api.send('bot', '15550000001', 'hi');
      expect([status, body.error?.code]).to.deep.equal([422, 'RECIPIENT_NOT_ON_WHATSAPP']);
    });

    it('15550000002 keeps one tick, and that is a success', async () => {
      expect((await api.send('bot', '15550000002', 'hi')).status).to.equal(200);
      await api.advance(10 * MINUTE);
      expect(await api.newest('bot', '15550000002')).to.include({ ack: 1 });
    });

    it('15550000003 fails once', async () => {
      const first = await api.send('bot', '15550000003', 'hi');
      expect([first.status, first.body.error?.code]).to.deep.equal([502, 'BAD_GATEWAY']);
      expect(first.body.error).to.have.nested.property('details.outcome', 'failed');
      expect((await api.send('bot', '15550000003', 'hi')).status).to.equal(200);
    });

    it('15550000004 answers pong', async () => {
      await api.send('bot', '15550000004', 'ping');
      await eventually('the answer', async () => (await api.newest('bot', '15550000004'))?.body !== 'ping');
      const bodies = (await api.messagesOf('15550000004')).map(({ body }) => body);
      expect(bodies.slice(0, 2)).to.deep.equal(['ping', 'pong']);
    });

    it('15550000005 gets it after thirty seconds', async () => {
      expect((await api.send('bot', '15550000005', 'hi')).status).to.equal(200);
      expect(await api.newest('bot', '15550000005')).to.include({ ack: 1 });
      await api.advance(30_000);
      await api.ticks('bot', '15550000005', 2);
    });

    it('15550000008 drops the connection during the send; the message leaves once it is back', async () => {
      const sent = api.send('bot', '15550000008', 'hi');
      await eventually('the drop', async () => {
        const { body } = await api.call('GET', '/sandbox/phones');
        return (body as unknown as { line: { online: boolean } }[])[0]?.line.online === false;
      });
      await api.advance(3_000);
      expect((await sent).status).to.equal(200);
      expect(await api.sentTexts('bot', '15550000008@c.us')).to.deep.equal(['hi']);
    });

    it('15550000009 gets whoever writes to it banned', async () => {
      const { status } = await api.send('bot', '15550000009', 'hi');
      expect(status).to.equal(502);
      expect(await api.state('bot', 'auth_failed')).to.include({ reason: 'TOS_BLOCK' });
    });
  });

  it('brings 100 messages across a lost connection in order, once each', async () => {
    await api.phone('bot', 'network', { latencyMs: 5 });
    const texts = Array.from({ length: 100 }, (_, index) => `message ${index}`);
    for (const [index, text] of texts.entries()) {
      const { status } = await api.accept('bot', CUSTOMER, text);
      expect(status).to.equal(202);
      if (index === 30) await api.phone('bot', 'network', { drop: true });
      if (index === 60) await api.phone('bot', 'network', { restore: true });
    }
    await eventually('all of them', async () => (await api.messagesOf(CUSTOMER)).length >= texts.length);
    expect((await api.messagesOf(CUSTOMER)).map(({ body }) => body)).to.deep.equal(texts);
  });

  it('writes the same wire log for the same seed and the same script', async () => {
    service.ai.behave = ({ body }) => ({ body: { reply: `AI: ${body.message}` } });
    const logs: Wire[][] = [];
    for (const seed of ['monday', 'monday', 'tuesday']) {
      await api.call('POST', '/sandbox/reset', { seed });
      await api.call('POST', '/sandbox/seed');
      await api.link('bot', BOT.replace(/1$/, '9'));
      await api.phone('bot', 'network', { failureRate: 0.4 });
      for (let index = 0; index < 10; index += 1) await api.send('bot', '15550000000', `hello ${index}`);
      await api.phone('bot', 'network', { restore: true });
      await api.phone('bot', 'messages', { from: CUSTOMER, text: 'open today?' });
      await eventually('the reply', async () => (await api.messagesOf(CUSTOMER)).length === 2);
      await api.ticks('bot', CUSTOMER, 2);
      await api.advance(5_000);
      const { body } = await api.call('GET', '/sandbox/wire-log');
      // A QR that is shown for long is replaced by the clock of the host, too, and lines have its times.
      const lines = (body as unknown as Wire[]).filter(({ kind }) => kind !== 'ref');
      logs.push(lines.map(({ kind, account, detail }) => ({ kind, account, detail })));
    }
    expect(logs[0]).to.have.length.above(40);
    expect(logs[1]).to.deep.equal(logs[0]);
    expect(logs[2]).not.to.deep.equal(logs[0]);
  });
});
