import { expect } from 'chai';
import { GatewayError } from '../../../src/actors/domain/errors.ts';
import { eventually } from '../../support/eventually.ts';
import { inbound, memoryGateway } from '../../support/memory-gateway.ts';

const PARTS = ['a', 'b', 'c'].map((letter) => letter.repeat(40_000));
const LONG = PARTS.join('\n\n');

describe('a reply longer than one message', () => {
  it('is sent as several messages, in order and each with its own id', async () => {
    const gateway = memoryGateway({ ask: async () => LONG });
    await gateway.connect();
    gateway.client().events.emit('message', inbound('1'));
    await eventually('the reply', () => gateway.driver.sent.length === 3);
    expect(gateway.driver.sent).to.deep.equal(PARTS);
    expect(new Set(gateway.database.messages.keys()).size).to.equal(3);
    await gateway.system.stop(1_000);
  });

  it('is returned in full by /run, with the id of its first message', async () => {
    const gateway = memoryGateway({ ask: async () => LONG });
    await gateway.connect();
    const id = '019a9f3e-7c1d-7b8e-9d52-3f0c5a1e77aa';
    const outcome = await gateway.run('what do you sell?', id);
    expect(gateway.driver.sent).to.deep.equal(PARTS);
    expect(outcome).to.deep.include({ reply: LONG, replySent: true, id, messageId: `wa ${PARTS[0]}` });
    await gateway.system.stop(1_000);
  });

  it('is refused as a whole when the mailbox has no room for all of it', async () => {
    const settings = { mailboxCapacity: 1, sendBurst: 1, sendRatePerMinute: 1 };
    const gateway = memoryGateway({ ask: async () => LONG, settings });
    await gateway.connect();
    const error = await gateway.run('what do you sell?').catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(GatewayError).with.property('code', 'RATE_LIMITED');
    expect([gateway.driver.sent, gateway.database.messages.size]).to.deep.equal([[], 0]);
    expect(gateway.system.mailbox('shop').depth).to.equal(0);
    await gateway.system.stop(1_000);
  });

  it('may be the alert about a message of maximum length', async () => {
    const failure = () => Promise.reject(new GatewayError('AI_DOWNSTREAM_ERROR', 'no'));
    const gateway = memoryGateway({ ask: failure });
    await gateway.connect();
    gateway.client().events.emit('message', { ...inbound('1'), body: 'x'.repeat(65_536) });
    await eventually('the alert', () => gateway.driver.sent.length === 3);
    expect(gateway.driver.sent.join('')).to.contain('traceId').and.to.contain('timestamp');
    for (const text of gateway.driver.sent) expect(text).to.have.length.below(65_537);
    await gateway.system.stop(1_000);
  });
});
