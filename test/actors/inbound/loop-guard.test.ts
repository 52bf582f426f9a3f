import { expect } from 'chai';
import { type LoopDecision, LoopGuard, OwnReplies } from '../../../src/actors/inbound/loop-guard.ts';
import { inbound } from '../../support/memory-gateway.ts';

const me = { pn: '6281111111111@c.us' };

/** A customer's message with this text. */
const message = (body: string) => ({ ...inbound('1'), body });

/** A guard that shares no replies with others. */
const alone = () => new LoopGuard(new OwnReplies());

/** Each text arrives `afterMs` after our reply to the one before, which takes a second. */
function conversation(
  count: number,
  text: (index: number) => string,
  afterMs: (index: number) => number,
  guard = alone(),
): LoopDecision[] {
  let now = 0;
  return Array.from({ length: count }, (_, index) => {
    now += afterMs(index);
    const received = message(text(index));
    const decision = guard.decide(received, { receivedAt: now, repliedAt: guard.repliedAt(received) });
    now += 1_000;
    if (decision === 'answer') guard.replied(received, { texts: [`reply ${index}`], me, now });
    return decision;
  });
}

const every = (ms: number) => () => ms;

describe('the loop guard', () => {
  const persons: [string, (index: number) => string, (index: number) => number][] = [
    ['short messages', (index) => `short ${index}`, every(10_000)],
    ['hasty messages', (index) => `hasty ${index}`, (index) => (index % 8 === 7 ? 4_000 : 1_500)],
    ['one word again and again', () => 'ya', every(5_000)],
    ['one sentence every minute and a half', () => 'Is this item still available?', every(90_000)],
  ];
  for (const [what, text, afterMs] of persons)
    it(`answers a person who writes ${what}`, () => {
      expect(conversation(50, text, afterMs)).to.deep.equal(Array(50).fill('answer'));
    });

  it('does not count messages when the AI is silent', () => {
    const guard = alone();
    for (let index = 0; index < 50; index += 1)
      expect(guard.decide(message('hello?'), { receivedAt: 0, repliedAt: undefined })).to.equal('answer');
  });

  it('counts only one of the messages that arrive between two replies', () => {
    const guard = alone();
    guard.replied(message('hi'), { texts: ['hello'], me, now: 0 });
    for (let index = 0; index < 50; index += 1) {
      const burst = message(`${index}`);
      expect(guard.decide(burst, { receivedAt: 500, repliedAt: 0 })).to.equal('answer');
      guard.replied(burst, { texts: [`reply ${index}`], me, now: 600 + index });
    }
  });

  it('cuts after twelve quick answers in a row', () => {
    const decisions = conversation(20, (index) => `as quick as a machine ${index}`, every(1_000));
    expect(decisions.slice(0, 13)).to.deep.equal([...Array(12).fill('answer'), 'cut']);
    expect(decisions.slice(13)).to.deep.equal(Array(7).fill('silent'));
  });

  const cutAfterSix = [...Array(6).fill('answer'), 'cut'];

  it('cuts after six echoes of our replies', () => {
    expect(conversation(7, (index) => `> reply ${index - 1}`, every(1_000))).to.deep.equal(cutAfterSix);
  });

  it('cuts after a sentence was repeated six times', () => {
    const sentence = () => 'We are closed and answer tomorrow.';
    expect(conversation(7, sentence, every(20_000))).to.deep.equal(cutAfterSix);
  });

  it('cuts after six messages that another agent of the service replied', () => {
    const replies = new OwnReplies();
    const other = { pn: message('').senderId };
    for (let index = 0; index < 7; index += 1) replies.add(other, `${index}`);
    const decisions = conversation(7, (index) => `${index}`, every(40_000), new LoopGuard(replies));
    expect(decisions).to.deep.equal(cutAfterSix);
  });

  it('recognises another agent that is addressed by LID', () => {
    const replies = new OwnReplies();
    replies.add({ pn: '6283333333333@c.us', lid: '99@lid' }, 'hello');
    expect(replies.includes({ ...message('hello'), lid: '99@lid' })).to.equal(true);
    expect(replies.includes({ ...message('hallo'), lid: '99@lid' })).to.equal(false);
  });

  it('answers a cut chat again after half a minute, and cuts it without an alert at the next quick answer', () => {
    const pauses = (index: number) => (index === 13 ? 31_000 : 500);
    const decisions = conversation(15, (index) => `machine ${index}`, pauses);
    expect(decisions.slice(12)).to.deep.equal(['cut', 'answer', 'silent']);
  });
});
