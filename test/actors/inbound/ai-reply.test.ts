import { getEventListeners } from 'node:events';
import { expect } from 'chai';
import { EventEmitter } from 'eventemitter3';
import { GatewayError } from '../../../src/actors/domain/errors.ts';
import type { GatewayEvents } from '../../../src/actors/domain/gateway-events.ts';
import type { MediaContent, MediaFile } from '../../../src/actors/domain/message-content.ts';
import { wordsOf } from '../../../src/actors/domain/message-content.ts';
import type { AiAnswer, AiBackend } from '../../../src/actors/domain/ports/ai.ts';
import type { ContentIntake } from '../../../src/actors/domain/ports/files.ts';
import type { OutgoingMessage } from '../../../src/actors/domain/ports/stores.ts';
import type { ReplyDelay } from '../../../src/actors/domain/settings.ts';
import { AiReplies } from '../../../src/actors/inbound/ai-reply.ts';
import type { History } from '../../../src/actors/inbound/handover.ts';
import { answerOf } from '../../support/answers.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const CHAT = '6282222222222@c.us';
const never = () => new Promise<never>(() => undefined);

/** An agent's turns on an AI and a mailbox that do what a test says; logs typing, replies and published outcomes. */
function replies({
  ask = async () => 'baik',
  accept = async () => '7',
  history = null,
  replyDelay = { perCharacterMs: 0, maxMs: 0 },
  open = () => Promise.reject(new GatewayError('MEDIA_FETCH_FAILED', 'The media URL answered 404.')),
}: {
  ask?: (...call: Parameters<AiBackend['ask']>) => Promise<string | null | Partial<AiAnswer>>;
  accept?: () => Promise<string>;
  history?: History | null;
  replyDelay?: ReplyDelay;
  open?: ContentIntake['open'];
}) {
  const clock = new ManualClock();
  const events = new EventEmitter<GatewayEvents>();
  const log: string[] = [];
  const reports: string[] = [];
  const released: string[] = [];
  const outcomes: string[] = [];
  events.on('ai', ({ outcome }) => outcomes.push(outcome));
  const client = {
    resolveRecipient: async (jid: string) => jid,
    setTyping: async (_chat: string, typing: boolean) => void log.push(typing ? 'typing' : 'stopped'),
  };
  const sender = {
    acceptAll: async (messages: OutgoingMessage[]) => {
      const id = await accept();
      for (const { account, to, content } of messages)
        log.push(`${account} → ${to}: ${wordsOf(content) || content.kind}`);
      return messages.map(() => [{ stored: { id } }]);
    },
    acceptUnawaited: async ({ content }: OutgoingMessage) => {
      reports.push(wordsOf(content));
      return '8';
    },
  };
  /** The bot has the chat until `take` is called. */
  let take = () => {};
  const handover = {
    settling: () => null,
    modeOf: () => mode,
    watch: (_chat: object, stop: () => void) => {
      take = () => {
        mode = 'human';
        stop();
      };
      return () => {
        take = () => {};
      };
    },
    history: async () => history,
    handOff: () => void log.push('handed off'),
  };
  let mode = 'bot';
  const live = { record: () => ({ agentId: 'shop' }), client: () => client, me: () => null };
  const settings = { developer: '628999@c.us', limits: { typingRenewMs: 10_000 } };
  const aiReplies = new AiReplies(
    {
      ...{ settings, clock, events, intake: { open } },
      ai: { ask: async (...call: Parameters<AiBackend['ask']>) => answerOf(await ask(...call)) },
      files: { release: async (_agent: object, { path }: MediaFile) => void released.push(path) },
    } as never,
    live as never,
    { sender, handover, settings: () => ({ replyDelay }) } as never,
  );
  const answer = (signal = new AbortController().signal, isWanted = () => true) =>
    aiReplies.answer(
      { message: 'halo', sessionId: CHAT },
      {
        traceId: 't',
        chat: { chatId: CHAT },
        account: 'shop@c.us',
        asked: { chatId: CHAT, senderId: CHAT, type: 'chat', body: 'halo' },
        signal,
        isWanted,
      },
    );
  return { clock, log, reports, released, outcomes, answer, take: () => take() };
}

describe('the AI’s reply to a message', () => {
  it('is queued for the account that was written to, once typing has stopped', async () => {
    const { answer, log, outcomes, clock } = replies({});
    const { signal } = new AbortController();
    const turn = await answer(signal);
    expect(turn).to.deep.include({ kind: 'replied', texts: ['baik'] });
    expect(turn).to.have.nested.property('sent.accepted[0].parts[0].stored.id', '7');
    await clock.pass(0);
    expect(log).to.deep.equal(['typing', 'stopped', `shop@c.us → ${CHAT}: baik`]);
    expect(outcomes).to.deep.equal(['reply']);
    // The signal of an agent outlives its turns by far.
    expect([clock.size, getEventListeners(signal, 'abort')]).to.deep.equal([0, []]);
  });

  it('shows typing while the AI is asked, renewed before WhatsApp drops it', async () => {
    let release = (_text: string) => {};
    const { answer, log, clock } = replies({ ask: () => new Promise((resolve) => (release = resolve)) });
    const turn = answer();
    await clock.pass(25_000);
    expect(log).to.deep.equal(Array(3).fill('typing'));
    release('baik');
    await turn;
    await clock.pass(0);
    expect(log).to.include('stopped');
    expect(clock.size).to.equal(0);
  });

  it('is not sent when the AI answers nothing', async () => {
    const { answer, outcomes } = replies({ ask: async () => null, accept: () => expect.fail('was sent') });
    expect(await answer()).to.deep.equal({ kind: 'silent' });
    expect(outcomes).to.deep.equal(['silence']);
  });

  it('is dropped when it is no longer wanted', async () => {
    const { answer } = replies({ accept: () => expect.fail('was sent') });
    expect(await answer(undefined, () => false)).to.deep.equal({ kind: 'silent' });
  });

  it('is missing when the AI fails: returns its error and stops typing', async () => {
    const error = new GatewayError('AI_TIMEOUT', 'The AI backend took too long.');
    const { answer, log, outcomes, clock } = replies({
      ask: () => Promise.reject(error),
      accept: () => expect.fail('was sent'),
    });
    expect(await answer()).to.deep.equal({ kind: 'ai_failed', error });
    await clock.pass(0);
    expect([log.at(-1), clock.size]).to.deep.equal(['stopped', 0]);
    expect(outcomes).to.deep.equal(['timeout']);
  });

  it('is missing when the AI fails without a code: returns AI_DOWNSTREAM_ERROR', async () => {
    const { answer, outcomes } = replies({ ask: () => Promise.reject(new Error('bug')) });
    expect(await answer()).to.have.nested.property('error.code', 'AI_DOWNSTREAM_ERROR');
    expect(outcomes).to.deep.equal(['error']);
  });

  it('returns the error of a mailbox that does not accept it', async () => {
    const error = new GatewayError('RATE_LIMITED', 'The mailbox is full.');
    const { answer } = replies({ accept: () => Promise.reject(error) });
    expect(await answer()).to.deep.equal({ kind: 'send_failed', error });
  });

  it('is dropped at once, and typing stops, when the chat is handed over while the AI thinks', async () => {
    const { answer, log, take, clock } = replies({ ask: never, accept: () => expect.fail('was sent') });
    const turn = answer();
    await clock.pass(0);
    take();
    expect(await turn).to.deep.equal({ kind: 'handed_over', mode: 'human' });
    await clock.pass(0);
    expect([log, clock.size]).to.deep.equal([['typing', 'stopped'], 0]);
  });

  it('is not asked for in a chat that is handed over', async () => {
    const { answer, log, take, clock } = replies({ ask: never });
    const first = answer();
    await clock.pass(0);
    take();
    await first;
    expect(await answer()).to.deep.equal({ kind: 'handed_over', mode: 'human' });
    expect(log).to.have.length(2);
  });

  for (const { name, ask, uses } of [
    { name: 'gives the AI what passed, once it has answered', ask: async () => 'baik', uses: 1 },
    {
      name: 'keeps what passed for the next request when the AI fails',
      ask: async () => Promise.reject(new Error('bug')),
      uses: 0,
    },
  ])
    it(name, async () => {
      let used = 0;
      const at = new Date();
      const entry = { fromMe: true, by: 'human', text: 'halo', type: 'text', at } as const;
      const given: unknown[] = [];
      const { answer } = replies({
        ask: (_agent, { history }) => {
          given.push(history);
          return ask();
        },
        history: {
          entries: [entry],
          used: () => {
            used += 1;
          },
        },
      });
      await answer();
      expect([given, used]).to.deep.equal([[[entry]], uses]);
    });

  describe('with more than text', () => {
    const file = { path: '/files/1', mimetype: 'image/png', size: 1, sha256: '00' };
    const image = { content: { kind: 'image', source: { link: 'https://example.com' } } } as const;
    const place = { content: { kind: 'location', latitude: 1, longitude: 2 } } as const;
    const opens: ContentIntake['open'] = async () => ({ kind: 'image', file });

    it('is queued in order, the reply first, and then the chat is handed off', async () => {
      const { answer, log, clock } = replies({
        ask: async () => ({ reply: 'baik', messages: [image, place], handoff: true }),
        open: opens,
      });
      expect(await answer()).to.deep.include({ kind: 'replied', texts: ['baik'] });
      await clock.pass(0);
      const to = `shop@c.us → ${CHAT}`;
      // The answer is accepted in the tick in which the chat is handed off.
      expect(log.filter((line) => !/typing|stopped/.test(line)).sort()).to.deep.equal([
        'handed off',
        `${to}: baik`,
        `${to}: image`,
        `${to}: location`,
      ]);
    });

    it('hands the chat off without a message, too', async () => {
      const { answer, log } = replies({ ask: async () => ({ handoff: true }) });
      expect(await answer()).to.deep.equal({ kind: 'silent' });
      expect(log).to.include('handed off');
    });

    it('is sent without the messages whose file can’t be had, and the developer is informed', async () => {
      const { answer, log, reports, clock } = replies({
        ask: async () => ({ messages: [image, place], dropped: 2 }),
      });
      expect(await answer()).to.deep.include({ kind: 'replied', texts: [] });
      await clock.pass(0);
      expect(log).to.include(`shop@c.us → ${CHAT}: location`);
      expect(reports).to.have.length(1);
      expect(reports[0]).to.contain("detail: A message of the AI backend can't be sent: messages.0.image: ");
      expect(reports[0]).to.contain('detail: The AI answered 4 messages; the first 2 are sent.');
    });

    it('fails with one report when none of its files can be had', async () => {
      const { answer, reports } = replies({ ask: async () => ({ messages: [image] }) });
      expect(await answer()).to.have.nested.property('error.code', 'AI_DOWNSTREAM_ERROR');
      expect(reports).to.have.length(1);
    });

    for (const [when, isWanted, accept] of [
      ['is no longer wanted', () => false, undefined],
      [
        'is refused by the mailbox',
        () => true,
        () => Promise.reject(new GatewayError('RATE_LIMITED', 'full')),
      ],
    ] as const)
      it(`leaves no file when it ${when}`, async () => {
        const { answer, released } = replies({
          ask: async () => ({ messages: [image] }),
          open: opens,
          accept,
        });
        await answer(undefined, isWanted);
        expect(released).to.deep.equal([file.path]);
      });

    it('leaves no file when the chat is handed over while it is fetched', async () => {
      let release = (_content: MediaContent) => {};
      const { answer, released, take, clock } = replies({
        ask: async () => ({ messages: [image] }),
        open: () => new Promise((resolve) => (release = resolve)),
        accept: () => expect.fail('was sent'),
      });
      const turn = answer();
      await clock.pass(0);
      take();
      expect(await turn).to.deep.equal({ kind: 'handed_over', mode: 'human' });
      release({ kind: 'image', file });
      await clock.pass(0);
      expect(released).to.deep.equal([file.path]);
    });
  });

  describe('with a reply delay', () => {
    const caption = { content: { kind: 'image', caption: 'foto', source: { data: 'AAAA' } } } as const;
    const ask = async () => ({
      reply: 'baik',
      messages: [caption, { content: { kind: 'text', text: 'ya' } } as const],
    });
    const open: ContentIntake['open'] = async () => ({
      kind: 'image',
      file: { path: '/files/1', mimetype: 'image/png', size: 1, sha256: '00' },
    });

    for (const [maxMs, delayMs] of [
      [10_000, 1_000],
      [700, 700],
    ] as const)
      it(`waits ${delayMs} ms for ten characters at 100 ms and at most ${maxMs} ms, while typing shows`, async () => {
        const { answer, log, clock } = replies({ ask, open, replyDelay: { perCharacterMs: 100, maxMs } });
        const turn = answer();
        await clock.pass(0);
        await clock.pass(delayMs - 1);
        expect(log).to.deep.equal(['typing']);
        await clock.pass(1);
        await turn;
        expect(log.slice(1, 2)).to.deep.equal(['stopped']);
        expect(log).to.have.length(5);
        expect(clock.size).to.equal(0);
      });

    it('is dropped when a person writes meanwhile', async () => {
      const replyDelay = { perCharacterMs: 100, maxMs: 10_000 };
      const accept = () => expect.fail('was sent');
      const { answer, take, clock, released } = replies({ ask, open, replyDelay, accept });
      const turn = answer();
      await clock.pass(0);
      await clock.pass(500);
      take();
      expect(await turn).to.deep.equal({ kind: 'handed_over', mode: 'human' });
      await clock.pass(0);
      expect([clock.size, released]).to.deep.equal([0, ['/files/1']]);
    });
  });

  describe('when its turn is aborted', () => {
    const reason = new GatewayError('SHUTTING_DOWN', 'The agent is stopping.');

    /** The error that a turn rejects with. */
    const errorOf = (turn: Promise<unknown>) =>
      turn.then(
        () => expect.fail('it continued'),
        (error: unknown) => error,
      );

    it('rejects at once with the reason and stops typing, even if the AI ignores the signal', async () => {
      const { answer, log, clock } = replies({ ask: never });
      const abort = new AbortController();
      const error = errorOf(answer(abort.signal));
      abort.abort(reason);
      expect(await error).to.equal(reason);
      await clock.pass(0);
      expect([log.at(-1), clock.size]).to.deep.equal(['stopped', 0]);
    });

    it('does not report the AI’s own abort error as a failure of the AI', async () => {
      const ask: AiBackend['ask'] = (_agent, _request, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('cancelled')));
        });
      const abort = new AbortController();
      const error = errorOf(replies({ ask }).answer(abort.signal));
      abort.abort(reason);
      expect(await error).to.equal(reason);
    });

    it('does not wait for a reply that is being queued', async () => {
      const abort = new AbortController();
      const accept = () => {
        queueMicrotask(() => abort.abort(reason));
        return never();
      };
      expect(await errorOf(replies({ accept }).answer(abort.signal))).to.equal(reason);
    });

    it('does not start when the signal is aborted already', async () => {
      const { answer, log } = replies({ ask: () => expect.fail('was asked') });
      expect(await errorOf(answer(AbortSignal.abort(reason)))).to.equal(reason);
      expect(log).to.deep.equal([]);
    });
  });
});
