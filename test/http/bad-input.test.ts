import { expect } from 'chai';
import { type Issue, STATUS } from '../../src/http/problem.ts';
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
    it(`is answered ${STATUS[code]} ${code} and disturbs nobody: ${name}`, async () => {
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

  it('takes what is just within the limits', async () => {
    const big = await http.send('messages', { ...text, message: '\u{1F600}'.repeat(32_768) });
    expect(big.status).to.equal(200);
    const data = 'A'.repeat(Math.ceil((10 * 1024 * 1024) / 3) * 4);
    expect((await http.send('media', { ...image, data })).status).to.equal(200);
    expect((await http.send('run', { ...question, metadata: wide(50) })).status).to.equal(200);
  });
});
