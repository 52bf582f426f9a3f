import { expect } from 'chai';
import { EventEmitter } from 'eventemitter3';
import { GatewayError } from '../../../src/actors/domain/errors.ts';
import type { AgentRef } from '../../../src/actors/domain/identity.ts';
import type { MessageContent } from '../../../src/actors/domain/message-content.ts';
import type { Scheduler } from '../../../src/actors/domain/ports/clock.ts';
import type {
  MessageLog,
  MessageOutcome,
  Receipt,
  StoredMessage,
} from '../../../src/actors/domain/ports/stores.ts';
import type { Handover, Me, SentQuery, WhatsAppClient } from '../../../src/actors/domain/ports/whatsapp.ts';
import { type ActorSettings, DEFAULT_LIMITS } from '../../../src/actors/domain/settings.ts';
import { Dispatcher } from '../../../src/actors/outbound/dispatcher.ts';
import { HOST_CLOCK } from '../../../src/infra/host-clock.ts';
import { sendOf } from '../../support/contents.ts';
import { eventually } from '../../support/eventually.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const settings: ActorSettings = {
  sendRatePerMinute: 6_000,
  sendBurst: 100,
  mailboxCapacity: 500,
  sendWaitMs: 1_000,
  sendTimeoutMs: 20,
  messageTtlMs: 60_000,
  qrWaitMs: 1,
  qrMaxRefreshes: 1,
  startConcurrency: 1,
  inboundTypes: ['text'],
  aiMedia: 'url',
  debounceMs: 0,
  debounceMaxMs: 30_000,
  handoverMinutes: 0,
  aiConcurrency: 1,
  developer: 'dev@c.us',
  limits: { ...DEFAULT_LIMITS, probeAgainMs: 1 },
};

const ME: Me = { pn: '62811@c.us', lid: '4711@lid' };

/** A stored message with this id. */
function stored(id: string, status: StoredMessage['status'] = 'queued'): StoredMessage {
  return {
    id,
    userId: 1,
    agentId: 'sales',
    seq: Number(id),
    to: '628@c.us',
    content: { kind: 'text', text: `text ${id}` },
    origin: 'api',
    traceId: 't',
    status,
    messageId: null,
    error: null,
    account: null,
    stanzaId: null,
    chatId: null,
    createdAt: new Date(),
    handedOverAt: null,
    sentAt: null,
  };
}

/** A scripted client; by default it sends and acknowledges everything at once. */
function scripted(script: Partial<WhatsAppClient> = {}) {
  const sent: string[] = [];
  const handedOver = (text: string): Handover => ({ messageId: `wa ${text}`, timestamp: Date.now(), ack: 1 });
  const client = {
    events: new EventEmitter(),
    send: sendOf(async (_to, text) => {
      sent.push(text);
      return handedOver(text);
    }),
    resolveRecipient: async (jid: string) => jid,
    probe: async () => 'CONNECTED',
    findSent: async () => [],
    ...script,
  } as unknown as WhatsAppClient;
  return { client, sent };
}

/** A session that is ready to send. */
const ready = (client: WhatsAppClient, me: Me) => ({ client, me, suspect() {} });

/** A dispatcher that records what it writes to the log and what it publishes, in order. */
function dispatcher(
  log: Partial<MessageLog> = {},
  { onFault, clock = HOST_CLOCK }: { onFault?: (where: string) => void; clock?: Scheduler } = {},
) {
  const written: string[] = [];
  const published: string[] = [];
  const made = new Dispatcher({
    settings,
    clock,
    agent: { userId: 1, agentId: 'shop' },
    permits: async ({ id }) => id !== 'handed over',
    log: {
      markSending: async (id: string) => void written.push(`${id} sending`),
      claimed: async () => [],
      settle: async (id: string, { status }: MessageOutcome) => void written.push(`${id} ${status}`),
      receive: async (_agent: AgentRef, { messageId, ack }: Receipt) => {
        written.push(`${messageId} ${ack}`);
        return { ...stored('received'), messageId };
      },
      ...log,
    } as unknown as MessageLog,
    reports: {
      changed() {},
      status: ({ id }, status) => void published.push(`${id} ${status}`),
      receipt: ({ messageId }, ack) => void published.push(`${messageId} ${ack}`),
      fault: (where, error) => {
        if (onFault) return onFault(where);
        throw new Error(where, { cause: error });
      },
    },
  });
  return { dispatcher: made, written, published };
}

const lost = () =>
  Promise.reject(new GatewayError('BAD_GATEWAY', 'gone', { details: { outcome: 'unknown' } }));

describe('the dispatcher', () => {
  it('writes queued → sending → sent in order, one message at a time', async () => {
    const { dispatcher: box, written } = dispatcher();
    const { client, sent } = scripted();
    box.open(ready(client, ME));
    const messages = ['1', '2', '3'].map((id) => stored(id));
    await Promise.all(messages.map((message) => box.put(message).outcome));
    expect(sent).to.deep.equal(['text 1', 'text 2', 'text 3']);
    expect(written).to.deep.equal(['1 sending', '1 sent', '2 sending', '2 sent', '3 sending', '3 sent']);
  });

  it('changes a message that the caller names by our id, and fails where that was never sent', async () => {
    const id = '019a9f3e-7c1d-7b8e-9d52-3f0c5a1e77aa';
    const target = { ...stored(id), messageId: 'true_628@c.us_3EB0AA' };
    const changed: MessageContent[] = [];
    const { client } = scripted({
      send: async (_to, content) => {
        changed.push(content);
        return { messageId: 'wa', timestamp: Date.now(), ack: 1 };
      },
    });
    for (const found of [target, stored(id), null]) {
      const { dispatcher: box, written } = dispatcher({ find: async () => found });
      box.open(ready(client, ME));
      const content: MessageContent = { kind: 'edit', messageId: id, text: 'new' };
      const outcome = await box.put({ ...stored('1'), content }).outcome;
      expect(written.at(-1)).to.equal(found === target ? '1 sent' : '1 failed');
      if (found !== target) expect(outcome?.error?.code).to.equal('NOT_FOUND');
    }
    expect(changed).to.deep.equal([{ kind: 'edit', messageId: target.messageId, text: 'new' }]);
  });

  it('publishes each hand-over, also of a message that was stored as sending', async () => {
    const { dispatcher: box, published } = dispatcher();
    box.open(ready(scripted().client, ME));
    const messages = [stored('1'), stored('2', 'sending')];
    await Promise.all(messages.map((message) => box.put(message).outcome));
    expect(published).to.deep.equal(['1 sending', '1 sent', '2 sending', '2 sent']);
  });

  it('keeps an indeterminate message at the head when the session ends, and resends it only if it is not in the chat', async () => {
    for (const found of [true, false]) {
      const { dispatcher: box } = dispatcher();
      const dying = scripted({
        send: lost,
        probe: () => {
          box.close();
          return Promise.reject(new Error('dead'));
        },
      });
      const first = stored('1');
      const settled = [first, stored('2')].map((message) => box.put(message).outcome);
      box.open(ready(dying.client, ME));
      await box.drained();
      expect(box.view().depth).to.equal(2);

      const inChat = [{ messageId: 'wa before', timestamp: Date.now(), ack: 1 }];
      const { client, sent } = scripted(found ? { findSent: async () => inChat } : {});
      box.open(ready(client, ME));
      const [one] = await Promise.all(settled);
      expect(sent).to.deep.equal(found ? ['text 2'] : ['text 1', 'text 2']);
      expect(one).to.include({ status: 'sent', messageId: found ? 'wa before' : 'wa text 1' });
    }
  });

  it('leaves a message without an acknowledgement to the next session as soon as its own ends', async () => {
    const { dispatcher: box, written } = dispatcher();
    const silent = scripted({
      send: async () => {
        // The browser dies as soon as the page has the message; no acknowledgement will come.
        queueMicrotask(() => box.close());
        return { messageId: 'wa 1', timestamp: Date.now(), ack: 0 };
      },
    });
    const message = stored('1');
    const { outcome } = box.put(message);
    box.open(ready(silent.client, ME));
    await box.drained();
    expect(written, 'no outcome yet').to.deep.equal(['1 sending']);

    const inChat = [{ messageId: 'wa 1', timestamp: Date.now(), ack: 1 }];
    const { client, sent } = scripted({ findSent: async () => inChat });
    box.open(ready(client, ME));
    expect(await outcome).to.include({ status: 'sent', messageId: 'wa 1' });
    expect(sent).to.deep.equal([]);
  });

  it('takes no new message while it stops, and awaits the acknowledgement of the one in flight', async () => {
    const { dispatcher: box } = dispatcher();
    const silent = scripted({
      send: async () => {
        box.stopTaking();
        setImmediate(() => box.acked({ messageId: 'wa 1', ack: 1 }));
        return { messageId: 'wa 1', timestamp: Date.now(), ack: 0 };
      },
    });
    const settled = ['1', '2'].map((id) => box.put(stored(id)).outcome);
    box.open(ready(silent.client, ME));
    expect(await settled[0]).to.include({ status: 'sent' });
    await box.drained();
    expect(box.view().depth).to.equal(1);
  });

  it('hands no message over after its session has ended, at any step', async () => {
    for (const step of ['resolveRecipient', 'markSending'] as const) {
      let pass = () => {};
      let isHeld = false;
      const hold = () => {
        isHeld = true;
        return new Promise<void>((resolve) => {
          pass = resolve;
        });
      };
      const { dispatcher: box } = dispatcher(step === 'markSending' ? { markSending: hold } : {});
      const { client, sent } = scripted(
        step === 'resolveRecipient' ? { resolveRecipient: (jid) => hold().then(() => jid) } : {},
      );
      box.open(ready(client, ME));
      const { outcome } = box.put(stored('1'));
      await eventually(step, () => isHeld);
      box.failAll({ code: 'SESSION_NOT_FOUND', message: 'The session was deleted.' });
      pass();
      await box.drained();
      expect(sent, step).to.deep.equal([]);
      expect(await outcome, step).to.include({ status: 'failed' });
    }
  });

  it('writes `unknown` for the message in flight when the agent is deleted', async () => {
    const { dispatcher: box, published, written } = dispatcher();
    box.open(ready(scripted({ send: () => new Promise<never>(() => undefined) }).client, ME));
    const { outcome } = box.put(stored('1'));
    await eventually('the hand-over', () => published.includes('1 sending'));
    box.failAll({ code: 'SESSION_NOT_FOUND', message: 'The session was deleted.' });
    expect(await outcome).to.include({ status: 'unknown' });
    expect(written).to.deep.equal(['1 sending', '1 unknown']);
  });

  it('looks a message up that an earlier process left in flight before sending it', async () => {
    const { dispatcher: box, written } = dispatcher();
    const inChat = [{ messageId: 'wa before', timestamp: Date.now(), ack: 2 }];
    const { client, sent } = scripted({ findSent: async () => inChat });
    const message = stored('1', 'sending');
    box.resume(message);
    box.open(ready(client, ME));
    await box.drained();
    expect(written).to.deep.equal(['1 sent', 'wa before 2']);
    expect(sent).to.deep.equal([]);
  });

  it('does not match a message to another one with the same text, and retries while the database is away', async () => {
    let asked = 0;
    const { dispatcher: box, written } = dispatcher({
      claimed: async () => {
        asked += 1;
        if (asked === 1) throw new GatewayError('DATABASE_UNAVAILABLE', 'away');
        return ['wa of the first'];
      },
    });
    const found = [{ messageId: 'wa of the first', timestamp: Date.now(), ack: 1 }];
    const { client, sent } = scripted({ findSent: async () => found });
    box.resume({ ...stored('2', 'sending'), content: { kind: 'text', text: 'the same' } });
    box.open(ready(client, ME));
    await eventually('the outcome', () => written.length > 0);
    expect(sent).to.deep.equal(['the same']);
    expect(written).to.deep.equal(['2 sent']);
  });

  it('hands over a message stored as sending at once, and writes only its outcome', async () => {
    const { dispatcher: box, written } = dispatcher();
    const { client, sent } = scripted({ findSent: () => Promise.reject(new Error('was looked for')) });
    box.open(ready(client, ME));
    const message = stored('1', 'sending');
    const { outcome } = box.put(message);
    expect(await outcome).to.include({ status: 'sent' });
    expect(sent).to.deep.equal(['text 1']);
    expect(written).to.deep.equal(['1 sent']);
  });

  it('takes a message at once only with a session, a token and an empty queue', async () => {
    const { dispatcher: box } = dispatcher();
    const place = box.reserve();
    expect(box.takesAtOnce(), 'without a session').to.equal(false);
    const { client } = scripted();
    box.open(ready(client, ME));
    await box.drained();
    expect(box.takesAtOnce()).to.equal(true);
    const another = box.reserve();
    expect(box.takesAtOnce(), 'next to one that is being stored').to.equal(false);
    another.release();
    const before = stored('1');
    const { outcome } = box.put(before);
    expect(box.takesAtOnce(), 'behind one that is being sent').to.equal(false);
    place.release();
    await outcome;
  });

  it('reports `unknown` without an acknowledgement, and `sent` after a late one', async () => {
    const { dispatcher: box, written } = dispatcher();
    const silent = scripted({
      send: async () => ({ messageId: 'wa 1', timestamp: Date.now(), ack: 0 }),
    });
    box.open(ready(silent.client, ME));
    const message = stored('1');
    const { outcome } = box.put(message);
    expect(await outcome).to.include({ status: 'unknown', messageId: 'wa 1' });
    box.acked({ messageId: 'wa 1', ack: 1 });
    expect(written).to.deep.equal(['1 sending', '1 unknown', '1 sent']);
  });

  it('records what is delivered and read after the outcome, however early that is reported', async () => {
    const { dispatcher: box, written, published } = dispatcher();
    const eager = scripted({
      send: async () => {
        for (const ack of [1, 2, 3]) box.acked({ messageId: 'wa 1', ack });
        return { messageId: 'wa 1', timestamp: Date.now(), ack: 0 };
      },
    });
    box.open(ready(eager.client, ME));
    await box.put(stored('1')).outcome;
    await box.drained();
    box.acked({ messageId: 'wa 1', ack: 4 });
    expect(written).to.deep.equal(['1 sending', '1 sent', 'wa 1 2', 'wa 1 3', 'wa 1 4']);
    await eventually('the receipts', () => published.includes('wa 1 4'));
  });

  it('records that a message was read which a look-up found to be', async () => {
    const { dispatcher: box, written } = dispatcher();
    const inChat = [{ messageId: 'wa before', timestamp: Date.now(), ack: 3 }];
    box.resume(stored('1', 'sending'));
    box.open(ready(scripted({ findSent: async () => inChat }).client, ME));
    await box.drained();
    expect(written).to.deep.equal(['1 sent', 'wa before 3']);
  });

  it('asks the log about a message of an earlier process alone, not about each that the server has', async () => {
    const { dispatcher: box, written } = dispatcher();
    box.open(ready(scripted().client, ME));
    await box.put(stored('1')).outcome;
    await box.drained();
    for (const messageId of ['wa text 1', 'wa of before']) box.acked({ messageId, ack: 1 });
    expect(written).to.deep.equal(['1 sending', '1 sent', 'wa of before 1']);
  });

  it('fails a refused message (ack −1) and continues with the next', async () => {
    const { dispatcher: box } = dispatcher();
    const refusing = scripted({
      send: sendOf(async (_to, text) => ({
        messageId: `wa ${text}`,
        timestamp: 0,
        ack: text === 'text 1' ? -1 : 1,
      })),
    });
    box.open(ready(refusing.client, ME));
    const settled = ['1', '2'].map((id) => box.put(stored(id)).outcome);
    expect((await Promise.all(settled)).map((message) => message?.status)).to.deep.equal(['failed', 'sent']);
  });

  it('maps the server’s refusal to an error code, and does not resend', async () => {
    for (const [errorCode, code] of [
      [463, 'REACHOUT_TIMELOCKED'],
      [475, 'MESSAGE_CAPPED'],
      [500, 'BAD_GATEWAY'],
      [undefined, 'BAD_GATEWAY'],
    ] as const) {
      const refusal = { messageId: 'wa 1', ack: -1, errorCode };
      const { dispatcher: box } = dispatcher();
      let handedOver = 0;
      const refusing = scripted({
        send: async () => {
          handedOver += 1;
          setImmediate(() => box.acked(refusal));
          return { messageId: 'wa 1', timestamp: 0, ack: 0 };
        },
      });
      box.open(ready(refusing.client, ME));
      const late = await box.put(stored('1')).outcome;
      expect(late?.error?.code, `by an ack, ${errorCode}`).to.equal(code);
      box.open(ready(scripted({ send: async () => ({ ...refusal, timestamp: 0 }) }).client, ME));
      const atOnce = await box.put(stored('2')).outcome;
      expect(atOnce?.error?.code, `by the hand-over, ${errorCode}`).to.equal(code);
      expect([late?.status, atOnce?.status, handedOver]).to.deep.equal(['failed', 'failed', 1]);
    }
  });

  it('fails an unknown message after a late refusal', async () => {
    const { dispatcher: box, written } = dispatcher();
    box.open(ready(scripted({ send: async () => ({ messageId: 'wa 1', timestamp: 0, ack: 0 }) }).client, ME));
    expect(await box.put(stored('1')).outcome).to.include({ status: 'unknown' });
    box.acked({ messageId: 'wa 1', ack: -1, errorCode: 463 });
    box.acked({ messageId: 'wa 1', ack: 1 });
    expect(written).to.deep.equal(['1 sending', '1 unknown', '1 failed']);
  });

  it('waits while the database is away, without losing a message', async () => {
    let outages = 5;
    const { dispatcher: box } = dispatcher({
      markSending: async () => {
        outages -= 1;
        if (outages >= 0) throw new GatewayError('DATABASE_UNAVAILABLE', 'away');
      },
    });
    const { client, sent } = scripted();
    box.open(ready(client, ME));
    const message = stored('1');
    const { outcome } = box.put(message);
    expect(await outcome).to.include({ status: 'sent' });
    expect(sent).to.deep.equal(['text 1']);
  });

  it('fails a message after three attempts that did not reach the hand-over on a responsive page', async () => {
    let tries = 0;
    const { dispatcher: box } = dispatcher();
    const { client } = scripted({
      resolveRecipient: () => {
        tries += 1;
        return lost();
      },
    });
    box.open(ready(client, ME));
    const message = stored('1');
    const { outcome } = box.put(message);
    expect(await outcome).to.include({ status: 'failed' });
    expect(tries).to.equal(3);
  });

  it('pauses after an error in its loop instead of spinning', async () => {
    const faults: string[] = [];
    let tries = 0;
    const { dispatcher: box } = dispatcher(
      {
        settle: () => {
          tries += 1;
          if (tries < 3) throw new Error('a bug');
          return Promise.resolve();
        },
      },
      { onFault: (where) => faults.push(where) },
    );
    box.open(ready(scripted().client, ME));
    const message = stored('1');
    await box.put(message).outcome;
    expect(faults).to.deep.equal(['outbox', 'outbox']);
  });

  describe('when a message is withdrawn', () => {
    it('never sends it, with or without a session, and writes that before it says so', async () => {
      let write = () => {};
      const { dispatcher: box, published } = dispatcher({
        settle: (id, { status }) =>
          id === '2' && status === 'failed' ? new Promise<void>((done) => (write = done)) : Promise.resolve(),
      });
      const [first, second, third] = ['1', '2', '3'].map((id) => box.put(stored(id)).outcome);
      let isDone = false;
      const withdrawn = box.withdraw('2').then((result) => {
        isDone = true;
        return result;
      });
      const { client, sent } = scripted();
      box.open(ready(client, ME));
      await Promise.all([first, third]);
      expect(isDone).to.equal(false);
      write();
      expect(await withdrawn).to.equal(true);
      expect((await second)?.error).to.include({ code: 'WITHDRAWN' });
      expect(sent).to.deep.equal(['text 1', 'text 3']);
      expect(published).to.include('2 failed');
    });

    it('gives its token back', async () => {
      const { dispatcher: box, published } = dispatcher();
      box.open(ready(scripted({ send: () => new Promise<never>(() => undefined) }).client, ME));
      for (const id of ['1', '2', '3']) box.put(stored(id));
      await eventually('the hand-over', () => published.includes('1 sending'));
      const before = box.view().tokens;
      expect(await box.withdraw('3')).to.equal(true);
      expect(box.view().tokens).to.be.at.least(before + 1);
      box.close();
    });

    it('leaves one alone that is under way, may have left, or is not there', async () => {
      const { dispatcher: box, published } = dispatcher();
      box.open(ready(scripted({ send: () => new Promise<never>(() => undefined) }).client, ME));
      box.put(stored('1'));
      await eventually('the hand-over', () => published.includes('1 sending'));
      expect(await box.withdraw('1')).to.equal(false);
      box.close();
      const { dispatcher: other } = dispatcher();
      other.resume(stored('1', 'sending'));
      expect(await other.withdraw('1')).to.equal(false);
      expect(await other.withdraw('2')).to.equal(false);
    });

    it('does not send it either when that can’t be written now', async () => {
      const away = new GatewayError('DATABASE_UNAVAILABLE', 'away');
      const { dispatcher: box } = dispatcher({
        settle: async (id) => (id === '1' ? Promise.reject(away) : undefined),
      });
      const { outcome } = box.put(stored('1'));
      expect(await box.withdraw('1').catch((error: unknown) => error)).to.equal(away);
      const { client, sent } = scripted();
      box.open(ready(client, ME));
      await box.put(stored('2')).outcome;
      expect(sent).to.deep.equal(['text 2']);
      expect(await outcome).to.include({ status: 'failed' });
    });
  });

  it('expires a message that waited too long for a session', async () => {
    const clock = new ManualClock();
    const { dispatcher: box } = dispatcher({}, { clock });
    const { outcome } = box.put(stored('1'));
    await clock.pass(settings.messageTtlMs);
    expect((await outcome)?.error).to.include({ code: 'EXPIRED' });
  });

  it('ignores steps of the host’s clock for the age of a message', async () => {
    const clock = new ManualClock();
    const { dispatcher: box, published } = dispatcher({}, { clock });
    box.put(stored('1'));
    clock.step(86_400_000);
    await clock.pass(settings.messageTtlMs / 2);
    expect(box.view()).to.include({ depth: 1, oldestAt: clock.now() - settings.messageTtlMs / 2 });
    clock.step(-2 * 86_400_000);
    await clock.pass(settings.messageTtlMs / 2);
    expect(published).to.deep.equal(['1 failed']);
  });

  it('measures the age of an earlier process’s message by wall time', async () => {
    const clock = new ManualClock();
    const { dispatcher: box, published } = dispatcher({}, { clock });
    box.resume({ ...stored('1'), createdAt: new Date(clock.now() - settings.messageTtlMs + 10) });
    box.resume({ ...stored('2'), createdAt: new Date(clock.now() + 86_400_000) });
    await clock.pass(10);
    expect(published).to.deep.equal(['1 failed']);
    await clock.pass(settings.messageTtlMs);
    expect(published).to.deep.equal(['1 failed', '2 failed']);
  });

  describe('when another account was linked', () => {
    const other: Me = { pn: '62822@c.us', lid: '4712@lid' };
    const of = (account: string | null, message: StoredMessage) => ({ ...message, account });

    it('sends nothing accepted for the former one: queued messages fail, those in flight are unknown', async () => {
      const { dispatcher: box, written } = dispatcher();
      const dying = scripted({
        send: () => {
          box.close();
          return lost();
        },
      });
      const settled = ['1', '2'].map((id) => box.put(of(ME.pn, stored(id))).outcome);
      box.resume(of(ME.pn, stored('3', 'sending')));
      box.resume(of(ME.pn, stored('4')));
      box.open(ready(dying.client, ME));
      await box.drained();
      const { client, sent } = scripted({ findSent: () => Promise.reject(new Error('was looked for')) });
      box.open(ready(client, other));
      const ends = await Promise.all(settled);
      expect(ends.map((end) => [end?.status, end?.error?.code])).to.deep.equal([
        ['unknown', 'ACCOUNT_CHANGED'],
        ['failed', 'ACCOUNT_CHANGED'],
      ]);
      expect(written).to.deep.equal(['1 sending', '1 unknown', '2 failed', '3 unknown', '4 failed']);
      const late = box.put(of(ME.pn, stored('5'))).outcome;
      expect((await late)?.error, 'accepted before, stored after').to.include({ code: 'ACCOUNT_CHANGED' });
      expect(await box.put(of(other.pn, stored('6'))).outcome).to.include({ status: 'sent' });
      expect(sent).to.deep.equal(['text 6']);
    });

    it('reports a message that the former page still holds as unknown', async () => {
      const { dispatcher: box, published } = dispatcher();
      const hanging = scripted({ send: () => new Promise<never>(() => undefined) });
      box.open(ready(hanging.client, ME));
      const { outcome } = box.put(of(ME.pn, stored('1')));
      await eventually('the hand-over', () => published.includes('1 sending'));
      box.close();
      box.open(ready(scripted().client, other));
      expect(await outcome).to.include({ status: 'unknown' });
    });

    it('continues for the same account under any of its addresses and devices', async () => {
      const { dispatcher: box } = dispatcher();
      const settled = ['62811@c.us', '62811:7@c.us', '4711@lid', '4711:7@lid', null].map(
        (account, index) => box.put(of(account, stored(String(index)))).outcome,
      );
      box.open(ready(scripted().client, { pn: '62811:12@c.us', lid: '4711:12@lid' }));
      for (const end of await Promise.all(settled)) expect(end).to.include({ status: 'sent' });
    });
  });

  it('reports a message whose session ended during its hand-over as unknown when the agent is deleted', async () => {
    const { dispatcher: box, published } = dispatcher();
    box.open(ready(scripted({ send: () => new Promise<never>(() => undefined) }).client, ME));
    const { outcome } = box.put(stored('1'));
    await eventually('the hand-over', () => published.includes('1 sending'));
    box.close();
    box.failAll({ code: 'SESSION_NOT_FOUND', message: 'The session was deleted.' });
    expect(await outcome).to.include({ status: 'unknown' });
  });

  describe('looking up a message that may have been sent', () => {
    const inChat: Handover = { messageId: 'true_5255@c.us_3EB0AA', timestamp: 0, ack: 1 };

    it('asks for its stanza id in the chat that it went to', async () => {
      const queries: SentQuery[] = [];
      const given: unknown[] = [];
      const { dispatcher: box } = dispatcher();
      const dying = scripted({
        resolveRecipient: async () => '5255@c.us',
        send: (to, _content, options) => {
          given.push(to, options?.stanzaId);
          box.close();
          return lost();
        },
      });
      const { outcome } = box.put({ ...stored('1'), to: '52155@c.us', stanzaId: '3EB0AA' });
      box.open(ready(dying.client, ME));
      await box.drained();
      const { client, sent } = scripted({
        resolveRecipient: () => Promise.reject(new Error('was resolved again')),
        findSent: async (query) => {
          queries.push(query);
          return [inChat];
        },
      });
      box.open(ready(client, ME));
      expect(await outcome).to.include({ status: 'sent', messageId: inChat.messageId });
      expect(given).to.deep.equal(['5255@c.us', '3EB0AA']);
      expect(queries[0]).to.include({ to: '5255@c.us', stanzaId: '3EB0AA' });
      expect(sent).to.deep.equal([]);
    });

    it('resolves the recipient of one that an earlier process left in flight', async () => {
      const asked: string[] = [];
      const { dispatcher: box, written } = dispatcher();
      box.resume({ ...stored('1', 'sending'), to: '52155@c.us', stanzaId: '3EB0AA' });
      const { client, sent } = scripted({
        resolveRecipient: async () => '5255@c.us',
        findSent: async ({ to }) => {
          asked.push(to);
          return to === '5255@c.us' ? [inChat] : [];
        },
      });
      box.open(ready(client, ME));
      await box.drained();
      expect([asked, written, sent]).to.deep.equal([['5255@c.us'], ['1 sent'], []]);
    });

    it('matches by id even if other messages have the same text', async () => {
      const { dispatcher: box } = dispatcher({ claimed: () => Promise.reject(new Error('was asked')) });
      const others = ['3EB0BB', '3EB0CC'].map((id) => ({ ...inChat, messageId: `true_5255@c.us_${id}` }));
      const { client } = scripted({ findSent: async () => [...others, inChat] });
      box.resume({ ...stored('1', 'sending'), stanzaId: '3EB0AA' });
      box.open(ready(client, ME));
      await box.drained();
      expect(box.outcomes.isClaimed(inChat.messageId)).to.equal(true);
    });

    it("asks by WhatsApp's time when the host's clock is wrong", async () => {
      const clock = new ManualClock();
      const whatsApp = () => clock.monotonic() - 60_000;
      const { dispatcher: box } = dispatcher({}, { clock });
      const chat: Handover[] = [];
      let dies = false;
      const handOver = (text: string): Handover => {
        const handover = { messageId: `wa ${text} ${chat.length}`, timestamp: whatsApp(), ack: 1 };
        chat.push(handover);
        return handover;
      };
      const { client } = scripted({
        send: sendOf(async (_to, text) => {
          const handover = handOver(text);
          if (!dies) return handover;
          box.close();
          return lost();
        }),
        findSent: async ({ since }) => chat.filter(({ timestamp }) => timestamp >= since),
      });
      for (const known of [false, true]) {
        box.open(ready(client, ME));
        if (known) await box.put(stored('1')).outcome;
        await clock.pass(30_000);
        dies = true;
        const { outcome } = box.put({ ...stored('2'), createdAt: new Date(clock.now()) });
        await box.drained();
        dies = false;
        // A correction of the host's clock in between has no effect either.
        clock.step(-60_000);
        box.open(ready(client, ME));
        expect(await outcome, `known: ${known}`).to.include({ status: 'sent' });
        box.close();
      }
      expect(chat.map(({ messageId }) => messageId.split(' ')[1])).to.deep.equal(['text', 'text', 'text']);
    });
  });
});
