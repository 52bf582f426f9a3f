import { expect } from 'chai';
import sinon from 'sinon';
import { Recipients } from '../../../../src/infra/whatsapp/wwebjs/recipients.ts';

const NUMBER = '6281234567890@c.us';
const LID = '123456789012345@lid';

describe('the recipients that a session knows', () => {
  afterEach(() => sinon.restore());

  it('asks WhatsApp once for a number with an account', async () => {
    const ask = sinon.fake.resolves(LID);
    const recipients = new Recipients(ask);
    expect([await recipients.resolve(NUMBER), await recipients.resolve(NUMBER)]).to.deep.equal([LID, LID]);
    expect(ask.args).to.deep.equal([[NUMBER]]);
  });

  it('asks again after ten minutes', async () => {
    // The cache takes `performance` when it is loaded, so its method is replaced, not the object.
    const clock = sinon.useFakeTimers({ toFake: ['setTimeout'], now: 1 });
    sinon.stub(performance, 'now').callsFake(() => clock.now);
    const ask = sinon.fake.resolves(NUMBER);
    const recipients = new Recipients(ask);
    await recipients.resolve(NUMBER);
    clock.tick(599_999);
    await recipients.resolve(NUMBER);
    expect(ask.callCount).to.equal(1);
    clock.tick(2);
    await recipients.resolve(NUMBER);
    expect(ask.callCount).to.equal(2);
  });

  it('asks each time for a number without an account, and after a failure', async () => {
    const ask = sinon.stub<[string], Promise<string | null>>();
    ask.onFirstCall().resolves(null).onSecondCall().rejects(new Error('no answer')).resolves(NUMBER);
    const recipients = new Recipients(ask);
    expect(await recipients.resolve(NUMBER)).to.equal(null);
    const failure = await recipients.resolve(NUMBER).catch((error: Error) => error.message);
    expect(failure).to.equal('no answer');
    expect(await recipients.resolve(NUMBER)).to.equal(NUMBER);
  });

  it('keeps a thousand numbers, and drops the least recently used one', async () => {
    const ask = sinon.fake(async (jid: string) => jid);
    const recipients = new Recipients(ask);
    for (let number = 0; number <= 1_000; number += 1) await recipients.resolve(`${number}@c.us`);
    await recipients.resolve('1@c.us');
    expect(ask.callCount).to.equal(1_001);
    await recipients.resolve('0@c.us');
    expect(ask.callCount).to.equal(1_002);
  });
});
