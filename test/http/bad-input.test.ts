import { expect } from 'chai';
import { type Issue, STATUS } from '../../src/http/middleware/error-handler.ts';
import { expectProblem, Harness } from '../support/http-harness.ts';
import { ROWS, wide } from './bad-input-rows.ts';

const text = { to: '081234567890', message: 'Halo' };
const image = { to: '081234567890', data: 'aGk=' };
const question = { message: 'hi', sessionId: '081234567890' };

describe('bad input', () => {
  let http: Harness;
  before(async () => {
    http = await new Harness().start();
  });
  after(() => http.stop());

  for (const { name, path, ask, code, field } of ROWS) {
    it(`is answered with ${STATUS[code]} ${code} and has no other effect: ${name}`, async () => {
      const reply = await http.ask(path, ask);
      expect(reply.status).to.equal(STATUS[code]);
      expectProblem(reply, code);
      if (field !== undefined) {
        const issues = reply.body.error.details as Issue[];
        expect(issues.map((issue) => issue.path)).to.deep.equal([field]);
      }
      expect(http.system.sent, 'nothing was sent').to.be.empty;
      expect(({} as { x?: unknown }).x).to.equal(undefined);
      const good = await http.send('messages', text);
      expect(good.status).to.equal(200);
      http.system.sent.length = 0;
    });
  }

  it('is described in plain words after the name of the field', async () => {
    const { body } = await http.ask('/sessions', {
      method: 'POST',
      json: { userId: 0, agentName: '', apikey: 5, color: 'red' },
    });
    expect(body.error.details).to.deep.equal([
      { path: 'userId', message: 'must be at least 1' },
      { path: 'agentId', message: 'is missing' },
      { path: 'agentName', message: 'must not be empty' },
      { path: 'apikey', message: 'must be a string' },
      { path: 'color', message: 'is not a known field' },
    ]);
    const run = await http.send('run', {
      message: 'x'.repeat(65_537),
      sessionId: true,
      memory_enable: 1,
      context_memory: [],
      metadata: [],
    });
    expect(run.body.error.details).to.have.deep.members([
      { path: 'message', message: 'must have at most 65536 characters' },
      { path: 'sessionId', message: 'must be a string or a number' },
      { path: 'memory_enable', message: 'must be true or false' },
      { path: 'context_memory', message: 'must be a string or a number' },
      { path: 'metadata', message: 'must be an object' },
    ]);
    const chart = await http.ask('/sessions/bot/statechart?machine=x');
    expect(chart.body.error.details).to.deep.equal([
      { path: 'machine', message: 'must be agent or supervisor' },
    ]);
  });

  it('is described correctly: JSON that is not an object is not called invalid JSON', async () => {
    for (const body of ['null', '"text"', '5', '[]']) {
      const reply = await http.ask('/agents/bot/messages', {
        method: 'POST',
        key: 'secret-key',
        headers: { 'content-type': 'application/json' },
        body,
      });
      expect(reply.body.error.details, body).to.deep.equal([{ path: '', message: 'must be an object' }]);
    }
    const path = await http.ask('/sessions/%zz');
    expect(path.body.error.message).to.equal('The path could not be decoded.');
  });

  it('is answered with the limit when a body is too large', async () => {
    const reply = await http.send('messages', { ...text, message: 'x'.repeat(600_000) });
    expectProblem(reply, 'PAYLOAD_TOO_LARGE');
    expect(reply.body.error.message).to.equal('The body exceeds 524288 bytes.');
  });

  it('does not include values just within the limits', async () => {
    const big = await http.send('messages', { ...text, message: '\u{1F600}'.repeat(32_768) });
    expect(big.status).to.equal(200);
    const data = 'A'.repeat(Math.ceil((10 * 1024 * 1024) / 3) * 4);
    expect((await http.send('media', { ...image, data })).status).to.equal(200);
    expect((await http.send('run', { ...question, metadata: wide(50) })).status).to.equal(200);
  });
});
