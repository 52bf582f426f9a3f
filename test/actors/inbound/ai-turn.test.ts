import { getEventListeners } from 'node:events';
import { expect } from 'chai';
import { GatewayError } from '../../../src/actors/domain/errors.ts';
import { runTurn, type TurnInput, type TurnPort } from '../../../src/actors/inbound/ai-turn.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const never = () => new Promise<never>(() => undefined);

/** A turn with a port that does what it is told and writes down what it was asked to do. */
function turnOf(port: Partial<TurnPort>) {
  const clock = new ManualClock();
  const told: string[] = [];
  const whole: TurnPort = {
    ask: async () => 'baik',
    reply: async () => ({ id: '1', sent: true }),
    ...port,
    setTyping: (typing) => void told.push(typing ? 'types' : 'stops'),
  };
  const input: TurnInput = { port: whole, clock, typingRenewMs: 10_000 };
  return { clock, told, input };
}

describe('a turn', () => {
  it('sends what the AI answers, after the typing has ended', async () => {
    const replies: string[] = [];
    const { input, told, clock } = turnOf({
      reply: async (text) => {
        replies.push(`${text} ${told.at(-1)}`);
        return { id: '7', sent: false };
      },
    });
    const { signal } = new AbortController();
    const output = await runTurn(input, signal);
    expect(output).to.deep.equal({ kind: 'replied', text: 'baik', reply: { id: '7', sent: false } });
    expect(replies).to.deep.equal(['baik stops']);
    // An agent's signal outlives its turns by far.
    expect([clock.size, getEventListeners(signal, 'abort')]).to.deep.equal([0, []]);
  });

  it('shows typing for as long as the AI thinks, renewed before WhatsApp drops it', async () => {
    let answer = (_text: string) => {};
    const { input, told, clock } = turnOf({ ask: () => new Promise((resolve) => (answer = resolve)) });
    const turn = runTurn(input, new AbortController().signal);
    await clock.pass(25_000);
    expect(told).to.deep.equal(Array(3).fill('types'));
    answer('baik');
    await turn;
    expect(told.at(-1)).to.equal('stops');
    expect(clock.size).to.equal(0);
  });

  for (const nothing of [null, ''])
    it(`sends nothing when the AI answers ${JSON.stringify(nothing)}`, async () => {
      const { input } = turnOf({ ask: async () => nothing, reply: () => expect.fail('was sent') });
      expect(await runTurn(input, new AbortController().signal)).to.deep.equal({ kind: 'silent' });
    });

  it('tells what the AI failed with, sends nothing and ends the typing', async () => {
    const error = new GatewayError('AI_TIMEOUT', 'The AI backend took too long.');
    const { input, told, clock } = turnOf({
      ask: () => Promise.reject(error),
      reply: () => expect.fail('was sent'),
    });
    expect(await runTurn(input, new AbortController().signal)).to.deep.equal({ kind: 'ai_failed', error });
    expect([told.at(-1), clock.size]).to.deep.equal(['stops', 0]);
  });

  it('takes an error without a code for the AI’s', async () => {
    const { input } = turnOf({ ask: () => Promise.reject(new Error('bug')) });
    const output = await runTurn(input, new AbortController().signal);
    expect(output).to.have.nested.property('error.code', 'AI_DOWNSTREAM_ERROR');
  });

  it('tells which reply could not be accepted, and why', async () => {
    const error = new GatewayError('RATE_LIMITED', 'The mailbox is full.');
    const { input } = turnOf({ reply: () => Promise.reject(error) });
    const output = await runTurn(input, new AbortController().signal);
    expect(output).to.deep.equal({ kind: 'send_failed', text: 'baik', error });
  });

  describe('when it is aborted', () => {
    const reason = new GatewayError('SHUTTING_DOWN', 'The agent is stopping.');

    /** The error that a turn ends with. */
    const endOf = (turn: Promise<unknown>) =>
      turn.then(
        () => expect.fail('it went on'),
        (error: unknown) => error,
      );

    it('ends at once with the reason and without typing, though the AI does not listen', async () => {
      const { input, told, clock } = turnOf({ ask: never });
      const abort = new AbortController();
      const end = endOf(runTurn(input, abort.signal));
      abort.abort(reason);
      expect(await end).to.equal(reason);
      expect([told.at(-1), clock.size]).to.deep.equal(['stops', 0]);
    });

    it('does not take the AI’s own abort error for a failure of the AI', async () => {
      const ask: TurnPort['ask'] = (signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('cancelled')));
        });
      const abort = new AbortController();
      const end = endOf(runTurn(turnOf({ ask }).input, abort.signal));
      abort.abort(reason);
      expect(await end).to.equal(reason);
    });

    it('does not wait for a reply under way', async () => {
      const abort = new AbortController();
      const reply = () => {
        queueMicrotask(() => abort.abort(reason));
        return never();
      };
      expect(await endOf(runTurn(turnOf({ reply }).input, abort.signal))).to.equal(reason);
    });

    it('does not begin when that was before', async () => {
      const { input, told } = turnOf({ ask: () => expect.fail('was asked') });
      expect(await endOf(runTurn(input, AbortSignal.abort(reason)))).to.equal(reason);
      expect(told).to.deep.equal([]);
    });
  });
});
