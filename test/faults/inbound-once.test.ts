import { expect } from 'chai';
import pino from 'pino';
import { SandboxNetwork } from '../../src/sandbox/network/network.ts';
import { callApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { faultRuns, reportFigures } from '../support/fault-runs.ts';
import { BEARER, BOT, CUSTOMER, CUSTOMER_CHAT, OTHER_BOT } from '../support/fixtures.ts';
import { connected, linkAgent } from '../support/link-agent.ts';
import { createDatabase, type TestDatabase } from '../support/postgres.ts';
import { type Service, type ServiceOptions, startService } from '../support/service.ts';

const COPIES = 50;
const MESSAGES = faultRuns(5, 50);

describe('an incoming message', function () {
  this.timeout(120_000 + MESSAGES * 2_000);
  let database: TestDatabase;
  let network: SandboxNetwork;
  const services: Service[] = [];

  beforeEach(async () => {
    database = await createDatabase();
    network = new SandboxNetwork();
  });
  afterEach(async () => {
    for (const service of services.splice(0).reverse()) await service.close();
  });

  /** Starts a service on this test's database and network. */
  async function start(options: ServiceOptions = {}): Promise<Service> {
    const service = await startService(database, {
      network,
      ...options,
    });
    services.push(service);
    return service;
  }

  /** Counts inbound messages by `handled` from now on. */
  function outcomes(service: Service): Record<string, number> {
    const counts: Record<string, number> = {};
    service.app.system.events.on('inbound', ({ handled }) => {
      counts[handled] = (counts[handled] ?? 0) + 1;
    });
    return counts;
  }

  /** Delivers the bot's copy of a text another `COPIES` times at once. */
  async function redeliver(text: string): Promise<void> {
    const message = await eventually('the message', () =>
      network.messages(BOT, `${writerOf(text)}@c.us`).find(({ body }) => body === text),
    );
    const [device] = network.devicesOf(BOT);
    for (let copy = 0; copy < COPIES; copy += 1) device!.events.emit('message', message);
  }

  /** Every question has its own writer. */
  const writerOf = (text: string) => `62812345${text.replace(/\D/g, '').padStart(5, '0')}`;

  /** How often the AI of any service was asked a text. */
  const asked = (text: string) =>
    services.flatMap(({ ai }) => ai.calls).filter(({ body }) => body.message === text).length;

  /** How many replies to a text the customer has received. */
  const replies = (text: string) =>
    network.messages(writerOf(text), `${BOT}@c.us`).filter(({ body }) => body === `AI: ${text}`).length;

  it('is asked and answered once when it is delivered 50 times at once and again after a restart', async () => {
    const texts = Array.from({ length: MESSAGES }, (_, index) => `question ${index}`);
    const first = await start();
    await linkAgent(first, 'shop', BOT);
    const before = outcomes(first);
    for (const text of texts) {
      const count = total(before);
      network.write(writerOf(text), { to: BOT, text });
      await redeliver(text);
      // The catch-up after the link may fetch one of them again.
      await eventually('all copies to be handled', () => total(before) >= count + COPIES + 1);
    }
    await eventually('the replies', () => texts.every((text) => replies(text) > 0));
    await first.app.stop();
    const second = await start();
    const after = outcomes(second);
    await connected(second.url, 'shop');
    for (const text of texts) {
      const count = total(after);
      await redeliver(text);
      await eventually('all copies to be handled', () => total(after) >= count + COPIES);
    }
    reportFigures(
      'P12',
      `${texts.length} messages delivered ${COPIES + 1} times at once, and again after a restart`,
      {
        ...before,
        'after the restart': total(after),
      },
    );
    expect(texts.map(asked), 'AI calls').to.deep.equal(texts.map(() => 1));
    expect(texts.map(replies), 'replies').to.deep.equal(texts.map(() => 1));
    expect(before).to.have.all.keys('answered', 'duplicate');
    expect(before.answered).to.equal(texts.length);
    expect(before.duplicate).to.be.at.least(COPIES * texts.length);
    expect(Object.keys(after)).to.deep.equal(['duplicate']);
  });

  it('from another agent of the service does not start an endless loop', async () => {
    const service = await start();
    await linkAgent(service, 'ann', BOT);
    await linkAgent(service, 'ben', OTHER_BOT);
    const handled = outcomes(service);
    await callApi(
      service.app.url,
      'POST',
      '/agents/ann/messages',
      { to: OTHER_BOT, message: 'hello' },
      BEARER,
    );
    await eventually('the loop to be cut', () => handled.looping);
    const sentBy = (number: string, to: string) =>
      network.messages(number, `${to}@c.us`).filter(({ fromMe }) => fromMe).length;
    const [fromAnn, fromBen] = [sentBy(BOT, OTHER_BOT), sentBy(OTHER_BOT, BOT)];
    reportFigures('P13', 'two agents of the service write to each other', {
      'from ann': fromAnn,
      'from ben': fromBen,
      ...handled,
    });
    // Every message but the last was answered by one of the other agent, so none is in flight.
    expect(fromAnn + fromBen).to.equal(1 + handled.answered!);
    expect(fromAnn).to.be.at.most(7);
    expect(fromBen).to.be.at.most(7);
    expect(handled.looping).to.equal(1);
  });

  it('that echoes every reply under a new id is answered six times, then logged and reported once', async () => {
    const lines: Record<string, unknown>[] = [];
    const logger = pino(
      { level: 'warn' },
      { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
    );
    const service = await start({ logger });
    await linkAgent(service, 'shop', BOT);
    const handled = outcomes(service);
    const customer = network.account(CUSTOMER).pn;
    network.events.on('message', (owner, { fromMe, body }) => {
      if (owner === customer && !fromMe) network.write(CUSTOMER, { to: BOT, text: body });
    });
    network.write(CUSTOMER, { to: BOT, text: 'hello' });
    await eventually('the loop to be cut', () => handled.looping);
    const sent = network.messages(BOT, CUSTOMER_CHAT).filter(({ fromMe }) => fromMe).length;
    const reportsSent = () =>
      network.messages(BOT).filter(({ body }) => body.includes('reason: LOOP')).length;
    await eventually('the report to be sent', () => reportsSent() > 0);
    reportFigures('P13', 'a customer echoes every reply of an agent', { answers: sent, ...handled });
    expect(sent).to.equal(6);
    expect(reportsSent()).to.equal(1);
    // The catch-up after the link may fetch the first message again.
    const { duplicate: _fetchedAgain, ...others } = handled;
    expect(others).to.deep.equal({ answered: 6, looping: 1 });
    expect(lines.filter((line) => line.event === 'inbound' && line.handled === 'looping')).to.have.length(1);
  });

  it('from its own phone, in the chat with itself or with a customer, is not answered', async () => {
    const service = await start();
    await linkAgent(service, 'shop', BOT);
    const handled = outcomes(service);
    network.write(BOT, { to: BOT, text: 'a note' });
    network.write(BOT, { to: CUSTOMER, text: 'written by hand' });
    await eventually('both to be handled', () => total(handled) >= 2);
    reportFigures('P13', 'the phone of an agent writes to itself and to a customer', {
      'AI calls': service.ai.calls.length,
      ...handled,
    });
    expect(service.ai.calls).to.deep.equal([]);
    expect(handled).to.deep.equal({ ignored: 2 });
  });

  for (const byLid of [false, true]) {
    it(`that fails causes one report, also when the developer is an agent${byLid ? ' addressed by LID' : ''}`, async () => {
      const service = await start({ env: { DEVELOPER_NUMBER: OTHER_BOT } });
      if (byLid) network.account(OTHER_BOT, { addressedByLid: true });
      await linkAgent(service, 'ann', BOT);
      await linkAgent(service, 'ben', OTHER_BOT);
      const handled = outcomes(service);
      service.ai.behave = ({ path, body }) =>
        path.includes('ann') ? { status: 500 } : { body: { reply: `AI: ${body.message}` } };
      network.write(CUSTOMER, { to: BOT, text: 'will fail' });
      await eventually('the report, its reply and the handling of that', () => total(handled) >= 3);
      const { rows: reports } = await service.pool.query(
        `select from gateway_message where origin = 'report'`,
      );
      reportFigures(
        'P13',
        `the report of a failure goes to an agent of the service${byLid ? ', seen by its LID' : ''}`,
        {
          reports: reports.length,
          ...handled,
        },
      );
      expect(reports).to.have.length(1);
    });
  }
});

/** The sum of all counts. */
function total(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
