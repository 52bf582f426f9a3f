import { expect } from 'chai';
import type { SendOutcome } from '../../src/actors/domain/commands.ts';
import type { StoredMessage } from '../../src/actors/domain/ports/stores.ts';
import { canonicalJson } from '../../src/http/middleware/idempotency.ts';
import { eventually } from '../support/eventually.ts';
import { expectProblem, failure, Harness } from '../support/http-harness.ts';

const text = { to: '081234567890', message: 'Halo' };
const keyed = { 'idempotency-key': 'order-42' };

describe('Idempotency-Key', () => {
  let http: Harness;
  beforeEach(async () => {
    http = await new Harness().start();
  });
  afterEach(() => http.stop());

  it('answers the same key and body as the first time, and sends once', async () => {
    const first = await http.send('messages', text, keyed);
    // The same body with its fields in another order and the number in another spelling.
    const again = await http.send('messages', { message: 'Halo', to: '+62 812-3456-7890' }, keyed);
    expect(again.status).to.equal(200);
    expect(again.body).to.deep.equal(first.body);
    expect(first.headers.has('idempotent-replayed')).to.equal(false);
    expect(again.headers.get('idempotent-replayed')).to.equal('true');
    expect(http.system.sent).to.have.length(1);
  });

  it('answers a queued message again with its Location', async () => {
    http.system.onSend = async ({ to }) => ({ status: 'queued', id: 'm-9', to, position: 1 });
    await http.send('messages', text, keyed);
    const again = await http.send('messages', text, keyed);
    expect(again.status).to.equal(202);
    expect(again.headers.get('location')).to.equal('/agents/bot/messages/m-9');
  });

  it('replays media and run as well, each with its own keys', async () => {
    for (const [operation, body] of [
      ['messages', text],
      ['media', { to: text.to, data: 'aGk=' }],
      ['run', { message: 'hi', sessionId: text.to }],
    ] as const) {
      await http.send(operation, body, keyed);
      const again = await http.send(operation, body, keyed);
      expect(again.headers.get('idempotent-replayed'), operation).to.equal('true');
    }
    expect(http.system.sent).to.have.length(2);
    expect(http.system.ran).to.have.length(1);
    expect(http.media.stored).to.have.length(1);
  });

  it('answers 409 while the first is in flight, and 422 for another body', async () => {
    let finish: (outcome: SendOutcome) => void = () => {};
    let begun: () => void = () => {};
    const hasBegun = new Promise<void>((resolve) => {
      begun = resolve;
    });
    http.system.onSend = () => {
      begun();
      return new Promise((resolve) => {
        finish = resolve;
      });
    };
    const first = http.send('messages', text, keyed);
    await hasBegun;
    const second = await http.send('messages', text, keyed);
    expect(second.status).to.equal(409);
    expectProblem(second, 'IDEMPOTENCY_CONFLICT');
    expect(second.headers.get('retry-after')).to.equal('1');
    finish({ status: 'queued', id: 'm-1', to: text.to, position: 0 });
    expect((await first).status).to.equal(202);
    const other = await http.send('messages', { ...text, message: 'Other' }, keyed);
    expect(other.status).to.equal(422);
    expectProblem(other, 'IDEMPOTENCY_CONFLICT');
  });

  it('replays an unknown outcome with the trace id of the repeat', async () => {
    http.system.onSend = async () => {
      throw failure('BAD_GATEWAY', 'Not acknowledged.', { details: { outcome: 'unknown', id: 'm-1' } });
    };
    const first = await http.send('messages', text, keyed);
    const again = await http.send('messages', text, keyed);
    expect(again.status).to.equal(502);
    expect(again.body.error.details).to.deep.equal(first.body.error.details);
    expect(again.body.error.traceId).not.to.equal(first.body.error.traceId);
    expect(http.system.sent).to.have.length(1);
  });

  for (const code of [
    'SESSION_NOT_READY',
    'RATE_LIMITED',
    'DATABASE_UNAVAILABLE',
    'SHUTTING_DOWN',
  ] as const) {
    it(`allows the key again after ${code}, which sent nothing`, async () => {
      http.system.refusal = failure(code, 'Not now.');
      expect((await http.send('messages', text, keyed)).body.error.code).to.equal(code);
      http.system.refusal = null;
      expect((await http.send('messages', text, keyed)).status).to.equal(200);
    });
  }

  /** Starts a request and drops it half-way, like a crash and a restart. */
  async function cutOff(operation: string, body: object): Promise<void> {
    const { system } = http;
    const begun = system.sent.length + system.ran.length;
    system.onSend = () => new Promise(() => {});
    system.onRun = () => new Promise(() => {});
    // Its connection breaks when the test ends.
    http.send(operation, body, keyed).catch(() => {});
    await eventually('the work to begin', () => system.sent.length + system.ran.length > begun);
    http.idempotency.cutOff();
  }

  it('answers a request that a crash cut off with the status of its message, and sends nothing', async () => {
    const file = { path: '/files/1', mimetype: 'image/png', size: 68, sha256: '' };
    const content = { kind: 'image', file, caption: 'Hello!' };
    const message = { to: '6281234567890@c.us', content, messageId: 'true_1' };
    const bodies = {
      messages: text,
      media: { to: text.to, data: 'aGk=' },
      run: { message: 'hi', sessionId: message.to },
    };
    for (const [index, [operation, body]] of Object.entries(bodies).entries()) {
      await cutOff(operation, body);
      const id = `stored-${index}`;
      http.system.messages.set(id, { ...message, id, status: 'queued' } as unknown as StoredMessage);
      const queued = await http.send(operation, body, keyed);
      expect([queued.status, queued.body.id], operation).to.deep.equal([operation === 'run' ? 200 : 202, id]);
      http.system.messages.set(id, { ...message, id, status: 'sent' } as unknown as StoredMessage);
      const sent = await http.send(operation, body, keyed);
      expect([sent.status, sent.body.messageId], operation).to.deep.equal([200, message.messageId]);
      expect(sent.headers.get('idempotent-replayed')).to.equal('true');
    }
    expect(http.system.sent.map(({ message: { id } }) => id)).to.deep.equal(['stored-0', 'stored-1']);
    expect(http.system.ran).to.have.length(1);
  });

  it('releases the key of a request that a crash cut off only when its message has failed', async () => {
    await cutOff('messages', text);
    // The outcome can't be read now, so the key stays.
    expect((await http.send('messages', text, keyed)).status).to.equal(404);
    http.system.messages.set('stored-0', { id: 'stored-0', status: 'failed' } as StoredMessage);
    expect((await http.send('messages', text, keyed)).body.error.details).to.include({ outcome: 'failed' });
    http.system.onSend = async ({ to }) => ({ status: 'queued', id: 'm-2', to, position: 0 });
    expect((await http.send('messages', text, keyed)).body.id).to.equal('m-2');
  });

  it('does not use the key for an invalid body', async () => {
    expect((await http.send('messages', { to: 'no number', message: 'x' }, keyed)).status).to.equal(400);
    expect((await http.send('messages', text, keyed)).status).to.equal(200);
  });

  it('answers even when the answer can’t be stored', async () => {
    http.idempotency.complete = async () => {
      throw failure('DATABASE_UNAVAILABLE', 'gone');
    };
    expect((await http.send('messages', text, keyed)).status).to.equal(200);
    expect(http.log.some(({ event }) => event === 'idempotency.lost')).to.equal(true);
  });

  it('accepts no request while keys can’t be looked up', async () => {
    http.idempotency.begin = async () => {
      throw failure('DATABASE_UNAVAILABLE', 'gone');
    };
    expect((await http.send('messages', text, keyed)).status).to.equal(503);
    expect(http.system.sent).to.be.empty;
  });

  it('compares bodies regardless of the order of their fields', () => {
    expect(canonicalJson({ b: [{ d: 1, c: 2 }], a: null })).to.equal('{"a":null,"b":[{"c":2,"d":1}]}');
  });
});
