import { expect } from 'chai';
import { SandboxNetwork } from '../../src/sandbox/network/network.ts';
import { callApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { BOT, CUSTOMER } from '../support/fixtures.ts';
import { connected, linkAgent } from '../support/link-agent.ts';
import { createDatabase, type TestDatabase } from '../support/postgres.ts';
import { type Service, startService } from '../support/service.ts';

const OTHER = '6281234567891';
const MINUTE_MS = 60_000;

describe('an incoming message', () => {
  let database: TestDatabase;
  let network: SandboxNetwork;
  let service: Service;
  const services: Service[] = [];

  beforeEach(async () => {
    database = await createDatabase();
    network = new SandboxNetwork();
    await start();
  });
  afterEach(async () => {
    for (const one of services.splice(0).reverse()) await one.close();
  });

  async function start(): Promise<void> {
    service = await startService(database, { network });
    services.push(service);
  }

  const write = (text: string, from = CUSTOMER) => network.write(from, { to: BOT, text });
  /** The texts that the AI of all services was asked. */
  const asked = () => services.flatMap(({ ai }) => ai.calls).map(({ body }) => body.message);
  /** Writes one more message and waits for the AI to be asked: earlier ones of its chat are handled by then. */
  async function barrier(text: string): Promise<void> {
    write(text);
    await eventually(`"${text}" to be asked`, () => asked().includes(text));
  }

  it('from before the link is not answered, and none is answered twice after a delete and a new link', async () => {
    write('before');
    // WhatsApp has whole seconds: a message within the second of the link is answered.
    await network.clock.advance(2_000);
    await linkAgent(service, 'shop', BOT);
    await barrier('after');
    await callApi(service.app.url, 'DELETE', '/sessions/shop');
    await linkAgent(service, 'shop', BOT);
    await barrier('after the second link');
    await service.app.stop();
    await start();
    await connected(service.url, 'shop');
    await barrier('after the restart');
    expect(asked()).to.deep.equal(['after', 'after the second link', 'after the restart']);
  });

  it('is answered after a stop of minutes even if read on the phone, and ignored after hours', async () => {
    await linkAgent(service, 'shop', BOT);
    await barrier('first');
    await service.app.stop();
    write('hours ago');
    await network.clock.advance(180 * MINUTE_MS);
    write('minutes ago');
    network.read(BOT, `${CUSTOMER}@c.us`);
    await network.clock.advance(5 * MINUTE_MS);
    await start();
    await connected(service.url, 'shop');
    await barrier('last');
    expect(asked()).to.deep.equal(['first', 'minutes ago', 'last']);
  });

  it('is ignored when the connection was lost for longer than 15 minutes', async () => {
    await linkAgent(service, 'shop', BOT);
    network.faults.drop(BOT);
    write('hours ago');
    await network.clock.advance(20 * MINUTE_MS);
    network.faults.restore(BOT);
    await connected(service.url, 'shop');
    await barrier('now');
    expect(asked()).to.deep.equal(['now']);
  });

  it('is answered once when WhatsApp reports it by number and by LID', async () => {
    await linkAgent(service, 'shop', BOT);
    network.configure({ twoKeys: true });
    await barrier('hello');
    await barrier('bye');
    expect(asked()).to.deep.equal(['hello', 'bye']);
  });

  it('edited while it waits is asked as edited, and one revoked is not asked', async () => {
    await linkAgent(service, 'shop', BOT);
    let answer = () => {};
    const thinking = new Promise<void>((resolve) => (answer = resolve));
    service.ai.behave = async ({ body }) => {
      if (body.message === 'first') await thinking;
      return { body: { reply: `AI: ${body.message}` } };
    };
    const first = write('first');
    await eventually('the first question', () => asked().length === 1);
    network.edit(CUSTOMER, write('draft').id, 'better');
    network.revoke(CUSTOMER, write('secret').id);
    network.revoke(CUSTOMER, first.id);
    answer();
    await barrier('last');
    expect(asked()).to.deep.equal(['first', 'better', 'last']);
    await eventually('the replies', () => network.messages(CUSTOMER).some(({ body }) => body === 'AI: last'));
    expect(network.messages(CUSTOMER).map(({ body }) => body)).to.not.include('AI: first');
  });

  it('is answered when a person writes fast, and when the AI was often silent', async () => {
    await linkAgent(service, 'shop', BOT);
    service.ai.behave = ({ body }) => ({ body: body.sessionId === `${OTHER}@c.us` ? {} : { reply: 'ok' } });
    for (let index = 0; index < 9; index += 1) {
      write(`question ${index}`);
      write('p', OTHER);
      await eventually('both to be asked', () => asked().length === 2 * (index + 1));
    }
  });
});
