import { expect } from 'chai';
import { backoffMs, RESTART_BACKOFF } from '../../src/actors/domain/backoff.ts';
import type { InboundMessage } from '../../src/actors/domain/ports/whatsapp.ts';
import { restartRule } from '../../src/actors/domain/restart-policy.ts';
import { ChatQueues } from '../../src/actors/inbound/chat-queues.ts';
import { classifyInbound } from '../../src/actors/inbound/inbound-filter.ts';
import { LoopGuard } from '../../src/actors/inbound/loop-guard.ts';
import { messageKey } from '../../src/actors/inbound/message-changes.ts';
import { MessageTime } from '../../src/actors/inbound/message-time.ts';
import { StartSemaphore } from '../../src/actors/session/start-semaphore.ts';

const me = { pn: '628111@c.us', lid: '99@lid' };
const dm: InboundMessage = {
  id: 'x',
  chatId: '628222@c.us',
  senderId: '628222@c.us',
  fromMe: false,
  type: 'chat',
  body: 'hello',
  mentionedIds: [],
  timestamp: 0,
};
const group = { ...dm, chatId: '1@g.us' };

describe('which inbound messages are answered', () => {
  const cases: [string, InboundMessage, string | true][] = [
    ['a direct message', dm, true],
    ['a direct message from a LID', { ...dm, chatId: '7@lid', senderId: '7@lid' }, true],
    ['a group message without a mention', group, 'group_without_mention'],
    ['a group message that mentions the number', { ...group, mentionedIds: ['628111@c.us'] }, true],
    [
      'a group message that mentions a device of the number',
      { ...group, mentionedIds: ['628111:12@c.us'] },
      true,
    ],
    ['a group message that mentions the LID', { ...group, mentionedIds: ['99@lid'] }, true],
    [
      'a group message that mentions somebody else',
      { ...group, mentionedIds: ['628333@c.us'] },
      'group_without_mention',
    ],
    ['a group message with the number in the body', { ...group, body: 'ask 628111 please' }, true],
    ['a status', { ...dm, chatId: 'status@broadcast' }, 'status'],
    ['a channel post', { ...dm, chatId: '5@newsletter' }, 'channel'],
    ['a broadcast', { ...dm, chatId: '5@broadcast' }, 'broadcast'],
    ['an own message', { ...dm, fromMe: true }, 'own'],
    ['a message to oneself, by number', { ...dm, senderId: '628111@c.us' }, 'own'],
    ['a message to oneself, by LID', { ...dm, senderId: '99@lid' }, 'own'],
    ['an image', { ...dm, type: 'image' }, 'not_text'],
    ['a blank text', { ...dm, body: '  \n' }, 'empty'],
    ['an announcement by WhatsApp', { ...dm, chatId: '0@c.us', senderId: '0@c.us' }, 'no_person'],
    [
      'a message of WhatsApp’s server',
      { ...dm, chatId: 'server@c.us', senderId: 'server@c.us' },
      'no_person',
    ],
    [
      'WhatsApp’s own business account',
      { ...dm, chatId: '16505361212@c.us', senderId: '16505361212@c.us' },
      'no_person',
    ],
    ['Meta AI', { ...dm, chatId: '867051314767696@bot', senderId: '867051314767696@bot' }, 'no_person'],
    ['Meta AI by number', { ...dm, chatId: '13135550002@c.us', senderId: '13135550002@c.us' }, 'no_person'],
    [
      'Meta AI that mentions the bot in a group',
      { ...group, senderId: '867051314767696@bot', mentionedIds: ['628111@c.us'] },
      'no_person',
    ],
    ['a call', { ...dm, chatId: '628222@call', senderId: '628222@call' }, 'no_person'],
    ['an address of a kind that is not known', { ...dm, chatId: 'x@new', senderId: 'x@new' }, 'no_person'],
    [
      'a message from a device of a person',
      { ...dm, chatId: '628222:3@c.us', senderId: '628222:3@c.us' },
      true,
    ],
  ];
  for (const [what, message, expected] of cases) {
    it(`${expected === true ? 'answers' : 'ignores'} ${what}`, () => {
      expect(classifyInbound(message, me)).to.deep.equal(
        expected === true ? { answer: true } : { answer: false, why: expected },
      );
    });
  }
});

describe('the number of the bot in the text of a group message', () => {
  const bot = { pn: '6281100000001@c.us', lid: '99@lid' };
  const isAnswered = (body: string) => classifyInbound({ ...group, body }, bot).answer;

  for (const body of [
    '6281100000001',
    '@6281100000001 2 kopi',
    'halo +6281100000001, buka?',
    '+62 811-0000-0001',
    '@62 811-0000-0001 tolong',
    '(+62) 811 0000 0001!',
    '62.811.0000.0001.',
    '@\u20686281100000001\u2069 halo',
    'tanya\n6281100000001\nya',
    'https://wa.me/6281100000001',
    '请6281100000001帮忙',
    '2 6281100000001',
  ])
    it(`is a mention in ${JSON.stringify(body)}`, () => expect(isAnswered(body)).to.equal(true));

  for (const body of [
    'order 628110000000199',
    'AB6281100000001-77',
    'INV-6281100000001X',
    '16281100000001',
    '77-6281100000001',
    '6281100000001-77',
    '6281100000001.50',
    '6281100000001/2026',
    '2026/6281100000001',
    '+62 811-0000-00012',
    '+62 811-0000-0002',
    'ref_6281100000001',
    '6281100000001_a',
    '6281100000001٧',
  ])
    it(`is no mention in ${JSON.stringify(body)}`, () => expect(isAnswered(body)).to.equal(false));

  it('is looked for in a text of 65,536 characters without getting slow', () => {
    const long = ['62 811-0000-000 '.repeat(4_096), '6 '.repeat(32_768), '-'.repeat(65_536)];
    const startedAt = performance.now();
    for (const body of long) isAnswered(body);
    expect(performance.now() - startedAt).to.be.below(2_000);
  });
});

describe('the waits between restarts', () => {
  it('grow from one second to five minutes and stay there, without end', () => {
    const middle = () => 0.5;
    const waits = [1, 2, 3, 8, 9, 10, 1_000].map((attempt) => backoffMs(attempt, RESTART_BACKOFF, middle));
    expect(waits).to.deep.equal([1_000, 2_000, 4_000, 128_000, 256_000, 300_000, 300_000]);
  });

  it('are spread by a fifth to either side', () => {
    expect(backoffMs(1, RESTART_BACKOFF, () => 0)).to.equal(800);
    expect(backoffMs(1, RESTART_BACKOFF, () => 1)).to.equal(1_200);
  });
});

describe('the table of ends', () => {
  it('takes a reason that it does not know for a transient one', () => {
    expect(restartRule('SOMETHING_NEW')).to.deep.equal({ verdict: 'restart' });
  });

  it('rests after a logout, whose credentials are gone', () => {
    expect(restartRule('LOGOUT')).to.deep.equal({ verdict: 'rest', forgetCredentials: true });
  });
});

describe('the key of a message', () => {
  it('is the same for its id by number and by LID, and another in another group', () => {
    expect(messageKey('false_628111@c.us_3EB0')).to.equal(messageKey('false_99@lid_3EB0'));
    const inGroup = messageKey('false_1@g.us_3EB0_628111@c.us');
    expect(inGroup).to.equal(messageKey('false_1@g.us_3EB0_99@lid'));
    expect(inGroup).to.not.equal(messageKey('false_2@g.us_3EB0_628111@c.us'));
    expect(inGroup).to.not.equal(messageKey('false_628111@c.us_3EB0'));
  });

  it('is an id of another form as it is', () => {
    expect(messageKey('3EB0')).to.equal('3EB0');
  });
});

describe('the time of messages', () => {
  /** A time on a clock that stands at 1,000,000 and moves when told. */
  function timeOf() {
    const clock = { wall: 1_000_000, up: 0, now: () => clock.wall, monotonic: () => clock.up };
    const pass = (ms: number) => {
      clock.wall += ms;
      clock.up += ms;
    };
    return { time: new MessageTime(clock), clock, pass };
  }

  it('is the host’s until a message of a steady connection says otherwise, then goes on by the monotonic clock', () => {
    const { time, clock, pass } = timeOf();
    time.connected();
    time.seen(400_000);
    expect(time.now()).to.equal(1_000_000);
    pass(31_000);
    time.seen(500_000);
    clock.wall += 3_600_000;
    pass(1_000);
    expect(time.now()).to.equal(501_000);
    expect(time.at(0)).to.equal(469_000);
  });

  it('is not turned back by a message that comes before the connection is back', () => {
    const { time, pass } = timeOf();
    time.away();
    pass(1_200_000);
    time.seen(1_000_000);
    expect(time.now()).to.equal(2_200_000);
  });

  it('is not turned back by a late message, and never behind the newest one', () => {
    const { time, pass } = timeOf();
    time.connected();
    time.seen(1_060_000);
    expect(time.now()).to.equal(1_060_000);
    pass(60_000);
    time.seen(1_000_000);
    expect(time.now()).to.equal(1_120_000);
  });
});

describe('the loop guard', () => {
  /** Writes texts, each `afterMs` after our reply to the one before, which comes a second after it. */
  function conversation(text: (index: number) => string, afterMs: (index: number) => number, count: number) {
    const guard = new LoopGuard();
    let now = 0;
    return Array.from({ length: count }, (_, index) => {
      now += afterMs(index);
      const arrival = {
        text: text(index),
        receivedAt: now,
        repliedAt: guard.repliedAt('chat'),
        isOwn: false,
      };
      const verdict = guard.judge('chat', arrival);
      now += 1_000;
      if (verdict === 'answer') guard.replied('chat', `reply ${index}`, now);
      return verdict;
    });
  }
  const answered = (verdicts: string[]) => verdicts.filter((verdict) => verdict === 'answer').length;

  it('never silences a person: short messages, hasty ones, the same word again and again', () => {
    expect(
      answered(
        conversation(
          (i) => `short ${i}`,
          () => 10_000,
          50,
        ),
      ),
    ).to.equal(50);
    expect(
      answered(
        conversation(
          (i) => `hasty ${i}`,
          (i) => (i % 8 === 7 ? 4_000 : 1_500),
          50,
        ),
      ),
    ).to.equal(50);
    expect(
      answered(
        conversation(
          () => 'ya',
          () => 5_000,
          50,
        ),
      ),
    ).to.equal(50);
    expect(
      answered(
        conversation(
          () => 'Is this item still available?',
          () => 90_000,
          50,
        ),
      ),
    ).to.equal(50);
  });

  it('does not count what is no answer: the AI says nothing, or many messages come before it has answered', () => {
    const silent = new LoopGuard();
    const arrival = { text: 'hello?', receivedAt: 0, repliedAt: undefined, isOwn: false };
    for (let index = 0; index < 50; index += 1) expect(silent.judge('chat', arrival)).to.equal('answer');
    const hasty = new LoopGuard();
    hasty.replied('chat', 'hello', 0);
    for (let index = 0; index < 50; index += 1) {
      const burst = { text: `${index}`, receivedAt: 500, repliedAt: 0, isOwn: false };
      expect(hasty.judge('chat', burst)).to.equal('answer');
      hasty.replied('chat', `reply ${index}`, 600 + index);
    }
  });

  it('cuts who answers at once, twelve times in a row', () => {
    const verdicts = conversation(
      (i) => `as quick as a machine ${i}`,
      () => 1_000,
      20,
    );
    expect(verdicts.slice(0, 13)).to.deep.equal([...Array(12).fill('answer'), 'cut']);
    expect(verdicts.slice(13)).to.deep.equal(Array(7).fill('silent'));
  });

  it('cuts after six who echoes, repeats a sentence, or is another agent', () => {
    const cut = [...Array(6).fill('answer'), 'cut'];
    expect(
      conversation(
        (i) => `> reply ${i - 1}`,
        () => 1_000,
        7,
      ),
    ).to.deep.equal(cut);
    expect(
      conversation(
        () => 'We are closed and answer tomorrow.',
        () => 20_000,
        7,
      ),
    ).to.deep.equal(cut);
    const guard = new LoopGuard();
    const verdicts = Array.from({ length: 7 }, (_, index) => {
      const receivedAt = index * 40_000;
      const arrival = { text: `${index}`, receivedAt, repliedAt: guard.repliedAt('chat'), isOwn: true };
      guard.replied('chat', 'reply', receivedAt + 5_000);
      return guard.judge('chat', arrival);
    });
    expect(verdicts).to.deep.equal(cut);
  });

  it('answers a cut chat again after half a minute, and cuts it without a report at the next quick answer', () => {
    const pauses = (i: number) => (i === 13 ? 31_000 : 500);
    const verdicts = conversation((i) => `machine ${i}`, pauses, 15);
    expect(verdicts.slice(12)).to.deep.equal(['cut', 'answer', 'silent']);
  });
});

describe('the start gate', () => {
  it('lets two start at once, the others in order, and forgets those who gave up', async () => {
    const gate = new StartSemaphore(2);
    const order: number[] = [];
    const gaveUp = new AbortController();
    const never = new AbortController();
    const slots = await Promise.all([gate.acquire(never.signal), gate.acquire(never.signal)]);
    const third = gate.acquire(gaveUp.signal).catch(() => order.push(-3));
    const fourth = gate.acquire(never.signal).then((release) => {
      order.push(4);
      release();
    });
    gaveUp.abort(new Error('gave up'));
    await third;
    expect(order).to.deep.equal([-3]);
    slots[0]();
    slots[0]();
    await fourth;
    expect(order).to.deep.equal([-3, 4]);
  });
});

describe('conversations', () => {
  /** A job that runs until it is let go, and notes when it begins and ends. */
  function held(log: string[], name: string) {
    let release = () => {};
    let finish = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const done = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const job = async () => {
      log.push(`+${name}`);
      await gate;
      log.push(`-${name}`);
      finish();
    };
    return { job, release, done };
  }

  it('keeps the order of a chat, runs chats side by side, and no more than allowed at once', async () => {
    const log: string[] = [];
    const conversations = new ChatQueues(2, () => undefined);
    const a1 = held(log, 'a1');
    const a2 = held(log, 'a2');
    const b1 = held(log, 'b1');
    const c1 = held(log, 'c1');
    conversations.enqueue('a', a1.job);
    conversations.enqueue('a', a2.job);
    conversations.enqueue('b', b1.job);
    conversations.enqueue('c', c1.job);
    expect(log).to.deep.equal(['+a1', '+b1']);
    for (const one of [b1, c1, a1, a2]) {
      one.release();
      await one.done;
    }
    expect(log).to.deep.equal(['+a1', '+b1', '-b1', '+c1', '-c1', '-a1', '+a2', '-a2']);
  });

  it('aborts what runs when it is stopped, after the patience it was given, and starts nothing more', async () => {
    const log: string[] = [];
    const conversations = new ChatQueues(1, () => undefined);
    conversations.enqueue(
      'a',
      (signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
    );
    conversations.enqueue('b', held(log, 'b').job);
    await conversations.stop(0);
    expect(log).to.deep.equal([]);
  });

  it('refuses the 51st waiting message of one chat', () => {
    const conversations = new ChatQueues(1, () => undefined);
    const taken = Array.from({ length: 60 }, () =>
      conversations.enqueue('a', () => new Promise(() => undefined)),
    );
    expect(taken.filter(Boolean)).to.have.length(51);
  });
});
