import { expect } from 'chai';
import { HOST_CLOCK } from '../../src/infra/host-clock.ts';
import { callApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { reportFigures } from '../support/fault-runs.ts';
import { BEARER, BOT, CUSTOMER_CHAT } from '../support/fixtures.ts';
import { linkAgent } from '../support/link-agent.ts';
import { withDatabase } from '../support/postgres.ts';
import { type Service, startService } from '../support/service.ts';

describe('the mailbox of an agent under 1,000 sends at once', () => {
  const database = withDatabase();
  // The bucket's clock is advanced by the test, so that its tokens are exact.
  let monotonic = 0;
  let service: Service;

  before(async () => {
    service = await startService(database(), {
      clock: { ...HOST_CLOCK, monotonic: () => monotonic },
    });
    await linkAgent(service, 'shop', BOT);
  });
  after(() => service.close());

  /** The agent's session in the API. */
  const session = async () => (await callApi(service.app.url, 'GET', '/sessions/shop')).body;

  /** Accepts a text without waiting for it to be sent. */
  const send = (message: string) =>
    callApi(
      service.app.url,
      'POST',
      '/agents/shop/messages',
      { to: CUSTOMER_CHAT, message },
      { ...BEARER, prefer: 'respond-async' },
    );

  /** How many messages reached WhatsApp. */
  const arrived = () => service.network.messages(BOT, CUSTOMER_CHAT).filter(({ ack }) => ack >= 1).length;

  it('sends 100 at once, queues 500 and refuses 400 with 429 and Retry-After', async () => {
    const answers = await Promise.all(Array.from({ length: 1_000 }, (_, index) => send(`text ${index}`)));
    const accepted = answers.filter(({ status }) => status === 202).length;
    const refused = answers.filter(({ status }) => status === 429);
    await eventually('the burst to be sent', () => arrived() >= 100);
    await eventually(
      'the queue to be full',
      async () => ((await session()).mailbox as { depth: number }).depth === 500,
    );
    const { mailbox } = await session();
    reportFigures('P9 P10', '1,000 sends at once to one agent', {
      accepted,
      refused: refused.length,
      left: arrived(),
      ...(mailbox as object),
    });
    expect([accepted, refused.length, answers.length - accepted - refused.length]).to.deep.equal([
      600, 400, 0,
    ]);
    expect(arrived()).to.equal(100);
    expect(mailbox).to.include({ depth: 500, capacity: 500, tokens: 0 });
    for (const { headers, body } of refused) {
      expect(Number(headers.get('retry-after'))).to.be.within(1, 60);
      expect(body.error?.code).to.equal('RATE_LIMITED');
    }
  });

  it('accepts one more for each message that a new token releases', async () => {
    expect((await send('too early')).status).to.equal(429);
    monotonic += 600;
    await eventually('one to be sent', () => arrived() === 101);
    expect((await send('one more')).status).to.equal(202);
    expect((await send('one too many')).status).to.equal(429);
    expect(arrived()).to.equal(101);
  });
});
