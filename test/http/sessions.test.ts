import { expect } from 'chai';
import jsQR from 'jsqr';
import { PNG } from 'pngjs';
import { agentView } from '../support/fake-system.ts';
import { expectProblem, failure, Harness } from '../support/http-harness.ts';

const spec = { userId: 7, agentId: 'new-bot', agentName: 'New Bot' };
const qr = { code: '2@AbCdEf,GhIjKl', issuedAt: 0 };

describe('/sessions', () => {
  let http: Harness;
  beforeEach(async () => {
    http = await new Harness().start();
  });
  afterEach(() => http.stop());

  /** POST /sessions */
  const create = (json: unknown) => http.ask('/sessions', { method: 'POST', json });

  it('answers 201 with the QR, the endpoints and the live state of a new agent', async () => {
    const reply = await create({ ...spec, apikey: 'from-body' });
    expect(reply.status).to.equal(201);
    expect(reply.headers.get('location')).to.equal('/sessions/new-bot');
    expect(reply.body).to.deep.include({
      userId: 7,
      agentId: 'new-bot',
      status: 'awaiting_qr',
      qr: '2@code',
      endpoints: {
        run: 'https://gateway.example/agents/new-bot/run',
        messages: 'https://gateway.example/agents/new-bot/messages',
        media: 'https://gateway.example/agents/new-bot/media',
      },
    });
    expect(reply.body.live).to.have.all.keys('isConnected', 'sessionState', 'isReady', 'hasClient');
    expect(http.system.created).to.deep.equal([{ ...spec, apiKey: 'from-body' }]);
    expect(reply.text).not.to.include('from-body');
  });

  describe('what WhatsApp requires of a session', () => {
    const whatsapp = { webVersion: '2.3', compatibility: 'broken' as const, repaired: [], missing: ['X.y'] };
    const assertion = {
      id: 'AQID',
      rawId: 'AQID',
      type: 'public-key',
      response: { clientDataJSON: 'e30', authenticatorData: 'AQID', signature: 'AQID', userHandle: null },
      clientExtensionResults: {},
    };

    it('is shown: the compatibility of its page and the restriction of its account', async () => {
      const { live } = agentView('bot');
      const restriction = { kind: 'message_cap' as const, since: 0, until: 60_000 };
      http.system.add('checked', 'k', { live: { ...live, whatsapp }, restriction });
      const { body } = await http.ask('/sessions/checked');
      expect((body.live as { whatsapp: unknown }).whatsapp).to.deep.equal(whatsapp);
      expect(body.restriction).to.deep.equal({
        kind: 'message_cap',
        since: '1970-01-01T00:00:00.000Z',
        until: '1970-01-01T00:01:00.000Z',
      });
    });

    it('can be a passkey, with GET for the challenge and POST for the assertion; else 409', async () => {
      const challenge = { challenge: 'AQID', rpId: 'whatsapp.com' };
      const reason = 'PASSKEY_REQUIRED';
      http.system.add('asked', 'k', { status: 'awaiting_qr', reason, passkey: { challenge, since: 0 } });
      const read = await http.ask('/sessions/asked/passkey');
      expect([read.status, read.body]).to.deep.equal([200, { publicKey: challenge }]);
      const answer = await http.ask('/sessions/asked/passkey', { method: 'POST', json: assertion });
      expect([answer.status, answer.body]).to.deep.equal([200, { agentId: 'asked', accepted: true }]);
      expect(http.system.assertions).to.deep.equal([assertion]);
      expectProblem(await http.ask('/sessions/bot/passkey'), 'SESSION_NOT_READY');
      const json = { ...assertion, id: 'not base64url!' };
      expectProblem(await http.ask('/sessions/asked/passkey', { method: 'POST', json }), 'INVALID_PAYLOAD');
    });

    it('can be a pairing code for a number in any form', async () => {
      http.system.add('scan-me', 'k', { status: 'awaiting_qr' }, qr);
      const ask = (phoneNumber: string, agentId = 'scan-me') =>
        http.ask(`/sessions/${agentId}/pairing-code`, { method: 'POST', json: { phoneNumber } });
      const { status, body } = await ask('0812-3456-7890');
      expect([status, body.code]).to.deep.equal([200, 'ABCD1234']);
      expect(http.system.pairings).to.deep.equal(['6281234567890@c.us']);
      expectProblem(await ask('120363000000000000@g.us'), 'INVALID_PAYLOAD');
      expectProblem(await ask('081234567890', 'bot'), 'SESSION_NOT_READY');
    });
  });

  it('answers 200 without qr when the agent is connected already', async () => {
    http.system.onCreate = async ({ agentId }) => ({
      agent: agentView(agentId),
      qr: null,
      created: false,
      outcome: 'connected',
    });
    const reply = await create(spec);
    expect(reply.status).to.equal(200);
    expect(reply.body).not.to.have.property('qr');
  });

  it('answers 202 with the status when neither a QR nor ready came in time', async () => {
    http.system.onCreate = async ({ agentId }) => ({
      agent: agentView(agentId, { status: 'awaiting_qr' }),
      qr: null,
      created: true,
      outcome: 'pending',
    });
    const reply = await create(spec);
    expect(reply.status).to.equal(202);
    expect(reply.body).to.include({ status: 'awaiting_qr' });
  });

  for (const [code, status] of [
    ['AGENT_ID_TAKEN', 409],
    ['SESSION_START_FAILED', 503],
    ['DATABASE_UNAVAILABLE', 503],
    ['SHUTTING_DOWN', 503],
  ] as const) {
    it(`answers ${status} ${code} when a start fails with it`, async () => {
      http.system.onCreate = async () => {
        throw failure(code, 'refused');
      };
      const reply = await create(spec);
      expect(reply.status).to.equal(status);
      expectProblem(reply, code);
    });
  }

  it('answers 400 with a detail when there is no key to store', async () => {
    const issues = [{ path: 'apikey', message: 'is needed' }];
    http.system.onCreate = async () => {
      throw failure('INVALID_PAYLOAD', 'There is no key.', { details: { issues } });
    };
    const reply = await create(spec);
    expect(reply.body.error.details).to.deep.equal(issues);
  });

  it('shows the origin and path of an AI endpoint, never its credentials or query', async () => {
    const shown: [string | null, string | null][] = [
      ['https://me:s3cret@ai.example:8443/run/bot?token=s3cret#s3cret', 'https://ai.example:8443/run/bot'],
      ['http://ai.example', 'http://ai.example/'],
      ['me:s3cret', 'not an http(s) URL'],
      ['s3cret', 'not an http(s) URL'],
      [null, null],
    ];
    for (const [endpointUrlRun, expected] of shown) {
      http.system.add('bot', 'secret-key', { endpointUrlRun });
      for (const path of ['/sessions', '/sessions/bot']) {
        const { body, text } = await http.ask(path);
        const [session = body] = (body.sessions ?? []) as Record<string, unknown>[];
        expect(session.endpointUrlRun, path).to.equal(expected);
        expect(text).not.to.include('s3cret');
      }
    }
  });

  it('lists the agents and returns one, without its key', async () => {
    const list = await http.ask('/sessions');
    expect(list.body.sessions).to.have.length(1);
    const one = await http.ask('/sessions/bot');
    expect(one.status).to.equal(200);
    expect(one.body.mailbox).to.deep.equal({ depth: 0, capacity: 500, tokens: 99 });
    expect(one.body.supervisor).to.deep.equal({ restarts: 0 });
    expect(one.body.createdAt).to.equal('2025-11-07T08:00:00.000Z');
    expect(list.text + one.text).not.to.include('secret-key');
  });

  it('answers 404 SESSION_NOT_FOUND for an unknown agent', async () => {
    for (const [method, path] of [
      ['GET', '/sessions/ghost'],
      ['DELETE', '/sessions/ghost'],
      ['POST', '/sessions/ghost/reconnect'],
      ['GET', '/sessions/ghost/qr'],
      ['GET', '/sessions/ghost/events'],
    ] as const) {
      const reply = await http.ask(path, { method });
      expect(reply.status).to.equal(404);
      expectProblem(reply, 'SESSION_NOT_FOUND');
    }
  });

  it('deletes an agent, and answers 404 the second time', async () => {
    const first = await http.ask('/sessions/bot', { method: 'DELETE' });
    expect(first.body).to.deep.equal({ agentId: 'bot', deleted: true });
    expect((await http.ask('/sessions/bot', { method: 'DELETE' })).status).to.equal(404);
  });

  it('answers unlinked: false when a delete or a reconnect left the device linked', async () => {
    http.system.isUnlinked = false;
    const { onReconnect } = http.system;
    http.system.onReconnect = async (agentId) => ({ ...(await onReconnect(agentId)), isUnlinked: false });
    const reconnected = await http.ask('/sessions/bot/reconnect', { method: 'POST' });
    expect(reconnected.body).to.include({ unlinked: false });
    const deleted = await http.ask('/sessions/bot', { method: 'DELETE' });
    expect(deleted.body).to.deep.equal({ agentId: 'bot', deleted: true, unlinked: false });
  });

  it('answers a reconnect with the new QR', async () => {
    const reply = await http.ask('/sessions/bot/reconnect', { method: 'POST' });
    expect(reply.status).to.equal(200);
    expect(reply.body.qr).to.equal('2@again');
  });

  it('returns the QR as PNG, or as SVG or text by Accept, without caching', async () => {
    http.system.add('scan-me', 'k', { status: 'awaiting_qr' }, qr);
    const response = await fetch(`${http.url}/sessions/scan-me/qr`);
    expect(response.headers.get('content-type')).to.equal('image/png');
    expect(response.headers.get('cache-control')).to.equal('no-store');
    const png = PNG.sync.read(Buffer.from(await response.arrayBuffer()));
    expect(jsQR.default(new Uint8ClampedArray(png.data), png.width, png.height)?.data).to.equal(qr.code);

    const svg = await http.ask('/sessions/scan-me/qr', { headers: { accept: 'image/svg+xml' } });
    expect(svg.headers.get('content-type')).to.include('image/svg+xml');
    expect(svg.text).to.include('<svg');
    const text = await http.ask('/sessions/scan-me/qr', { headers: { accept: 'text/plain' } });
    expect(text.text).to.equal(qr.code);
  });

  it('answers 409 SESSION_NOT_READY when there is no QR to scan', async () => {
    const reply = await http.ask('/sessions/bot/qr');
    expect(reply.status).to.equal(409);
    expectProblem(reply, 'SESSION_NOT_READY');
  });
});

describe('/sessions with SESSIONS_TOKEN', () => {
  let http: Harness;
  beforeEach(async () => {
    http = await new Harness().start({ SESSIONS_TOKEN: 'letmein' });
  });
  afterEach(() => http.stop());

  it('requires the token as Bearer for every session path and the docs', async () => {
    for (const [method, path] of [
      ['GET', '/sessions'],
      ['POST', '/sessions'],
      ['GET', '/sessions/bot'],
      ['DELETE', '/sessions/bot'],
      ['POST', '/sessions/bot/reconnect'],
      ['GET', '/sessions/bot/qr'],
      ['GET', '/sessions/bot/events'],
      ['GET', '/docs'],
      ['GET', '/docs/swagger-ui-bundle.js'],
    ] as const) {
      for (const key of [undefined, 'letmei', 'letmein2', 'secret-key']) {
        const reply = await http.ask(path, { method, key });
        expect(reply.status, `${method} ${path} ${key}`).to.equal(401);
        expect(reply.headers.get('www-authenticate')).to.equal('Bearer');
      }
    }
    expect((await http.ask('/sessions', { key: 'letmein' })).status).to.equal(200);
    expect((await http.ask('/docs', { key: 'letmein' })).status).to.equal(200);
  });

  it('does not require it for agents, which have their own keys, and for health', async () => {
    expect((await http.send('messages', { to: '081234567890', message: 'hi' })).status).to.equal(200);
    expect((await http.ask('/health')).status).to.equal(200);
  });
});
