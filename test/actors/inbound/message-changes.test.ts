import { expect } from 'chai';
import { messageKey } from '../../../src/actors/inbound/message-changes.ts';

describe('the key of a message', () => {
  it('is the same for its ids by number and by LID, and different in each group', () => {
    expect(messageKey('false_628111@c.us_3EB0')).to.equal(messageKey('false_99@lid_3EB0'));
    const inGroup = messageKey('false_1@g.us_3EB0_628111@c.us');
    expect(inGroup).to.equal(messageKey('false_1@g.us_3EB0_99@lid'));
    expect(inGroup).to.not.equal(messageKey('false_2@g.us_3EB0_628111@c.us'));
    expect(inGroup).to.not.equal(messageKey('false_628111@c.us_3EB0'));
  });

  it('is the id itself when it has another form', () => {
    expect(messageKey('3EB0')).to.equal('3EB0');
  });
});
