import { expect } from 'chai';
import { EventEmitter } from 'eventemitter3';
import { GatewayError } from '../../src/actors/errors.ts';
import { Outbox } from '../../src/actors/outbox.ts';
import type { Handover, WhatsAppClient } from '../../src/actors/ports.ts';
import type { MessageLog, Settlement, StoredMessage } from '../../src/actors/ports-stores.ts';
import { type ActorSettings, DEFAULT_LIMITS } from '../../src/actors/settings.ts';
import { HOST_CLOCK } from '../../src/infra/host-clock.ts';
import { eventually } from '../support/eventually.ts';

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
  aiConcurrency: 1,
  developer: 'dev@c.us',
  limits: { ...DEFAULT_LIMITS, probeAgainMs: 1 },
};

/** A stored message by number. */
function stored(id: string, status: StoredMessage['status'] = 'queued'): StoredMessage {
  return {
    id,
    userId: 1,
    agentId: 'sales',
    seq: Number(id),
    to: '628@c.us',
    kind: 'text',
    text: `text ${id}`,
    origin: 'api',
    traceId: 't',
    status,
    messageId: null,
    error: null,
    createdAt: new Date(),
    handedOverAt: null,
    sentAt: null,
  };
}

/** A client whose calls are scripted; by default everything is sent and acknowledged at once. */
function scripted(script: Partial<WhatsAppClient> = {}) {
  const sent: string[] = [];
  const handedOver = (text: string): Handover => ({ messageId: `wa ${text}`, timestamp: Date.now(), ack: 1 });
  const client = {
    events: new EventEmitter(),
    sendText: async (_to: string, text: string) => {
      sent.push(text);
      return handedOver(text);
    },
    resolveRecipient: async (jid: string) => jid,
    probe: async () => 'CONNECTED',
    findSent: async () => [],
    ...script,
  } as unknown as WhatsAppClient;
  return { client, sent };
}

/** An outbox with a log that remembers, in order, what was written. */
function outbox(log: Partial<MessageLog> = {}, onFault?: (where: string) => void) {
  const written: string[] = [];
  const told: string[] = [];
  const made = new Outbox({
    settings,
    clock: HOST_CLOCK,
    log: {
      markSending: async (id: string) => void written.push(`${id} sending`),
      claimed: async () => [],
      settle: async (id: string, { status }: Settlement) => void written.push(`${id} ${status}`),
      ...log,
    } as unknown as MessageLog,
    reports: {
      mode() {},
      changed() {},
      status: ({ id }, status) => void told.push(`${id} ${status}`),
      suspect() {},
      fault: (where, error) => {
        if (onFault) return onFault(where);
        throw new Error(where, { cause: error });
      },
    },
  });
  return { outbox: made, written, told };
}

const lost = () =>
  Promise.reject(new GatewayError('BAD_GATEWAY', 'gone', { details: { outcome: 'unknown' } }));

describe('the outbox', () => {
  it('writes queued → sending → sent in order, one message at a time', async () => {
    const { outbox: box, written } = outbox();
    const { client, sent } = scripted();
    box.open(client);
    const messages = ['1', '2', '3'].map((id) => stored(id));
    await Promise.all(messages.map((message) => box.put(message).settled));
    expect(sent).to.deep.equal(['text 1', 'text 2', 'text 3']);
    expect(written).to.deep.equal(['1 sending', '1 sent', '2 sending', '2 sent', '3 sending', '3 sent']);
  });

  it('tells of each hand-over, of a message that was stored as handed over, too', async () => {
    const { outbox: box, told } = outbox();
    box.open(scripted().client);
    const messages = [stored('1'), stored('2', 'sending')];
    await Promise.all(messages.map((message) => box.put(message).settled));
    expect(told).to.deep.equal(['1 sending', '1 sent', '2 sending', '2 sent']);
  });

  it('keeps a doubtful message at the head when the session ends, and sends it again only if it is not in the chat', async () => {
    for (const found of [true, false]) {
      const { outbox: box } = outbox();
      const dying = scripted({
        sendText: lost,
        probe: () => {
          box.close();
          return Promise.reject(new Error('dead'));
        },
      });
      const first = stored('1');
      const settled = [first, stored('2')].map((message) => box.put(message).settled);
      box.open(dying.client);
      await box.drained();
      expect(box.view().depth).to.equal(2);

      const inChat = [{ messageId: 'wa before', timestamp: Date.now(), ack: 1 }];
      const { client, sent } = scripted(found ? { findSent: async () => inChat } : {});
      box.open(client);
      const [one] = await Promise.all(settled);
      expect(sent).to.deep.equal(found ? ['text 2'] : ['text 1', 'text 2']);
      expect(one).to.include({ status: 'sent', messageId: found ? 'wa before' : 'wa text 1' });
    }
  });

  it('leaves a message whose session ends before its acknowledgement to the next session, at once', async () => {
    const { outbox: box, written } = outbox();
    const silent = scripted({
      sendText: async () => {
        // The browser dies as soon as the page has the message; no acknowledgement will come.
        queueMicrotask(() => box.close());
        return { messageId: 'wa 1', timestamp: Date.now(), ack: 0 };
      },
    });
    const message = stored('1');
    const { settled } = box.put(message);
    box.open(silent.client);
    await box.drained();
    expect(written, 'and does not give it up').to.deep.equal(['1 sending']);

    const inChat = [{ messageId: 'wa 1', timestamp: Date.now(), ack: 1 }];
    const { client, sent } = scripted({ findSent: async () => inChat });
    box.open(client);
    expect(await settled).to.include({ status: 'sent', messageId: 'wa 1' });
    expect(sent).to.deep.equal([]);
  });

  it('takes nothing new while it stops, and lets what is in flight be acknowledged', async () => {
    const { outbox: box } = outbox();
    const silent = scripted({
      sendText: async () => {
        box.stopTaking();
        setImmediate(() => box.acked({ messageId: 'wa 1', ack: 1 }));
        return { messageId: 'wa 1', timestamp: Date.now(), ack: 0 };
      },
    });
    const settled = ['1', '2'].map((id) => box.put(stored(id)).settled);
    box.open(silent.client);
    expect(await settled[0]).to.include({ status: 'sent' });
    await box.drained();
    expect(box.view().depth).to.equal(1);
  });

  it('hands nothing over once its session is over, however far it had come', async () => {
    for (const step of ['resolveRecipient', 'markSending'] as const) {
      let pass = () => {};
      let isHeld = false;
      const hold = () => {
        isHeld = true;
        return new Promise<void>((resolve) => {
          pass = resolve;
        });
      };
      const { outbox: box } = outbox(step === 'markSending' ? { markSending: hold } : {});
      const { client, sent } = scripted(
        step === 'resolveRecipient' ? { resolveRecipient: (jid) => hold().then(() => jid) } : {},
      );
      box.open(client);
      const { settled } = box.put(stored('1'));
      await eventually(step, () => isHeld);
      box.failAll({ code: 'SESSION_NOT_FOUND', message: 'The session was deleted.' });
      pass();
      await box.drained();
      expect(sent, step).to.deep.equal([]);
      expect(await settled, step).to.include({ status: 'failed' });
    }
  });

  it('writes of what is under way when the agent is deleted that it may have left', async () => {
    const { outbox: box, told, written } = outbox();
    box.open(scripted({ sendText: () => new Promise<never>(() => undefined) }).client);
    const { settled } = box.put(stored('1'));
    await eventually('the hand-over', () => told.includes('1 sending'));
    box.failAll({ code: 'SESSION_NOT_FOUND', message: 'The session was deleted.' });
    expect(await settled).to.include({ status: 'unknown' });
    expect(written).to.deep.equal(['1 sending', '1 unknown']);
  });

  it('looks for what an earlier process left in flight before it sends it', async () => {
    const { outbox: box, written } = outbox();
    const inChat = [{ messageId: 'wa before', timestamp: Date.now(), ack: 2 }];
    const { client, sent } = scripted({ findSent: async () => inChat });
    const message = stored('1', 'sending');
    box.resume(message);
    box.open(client);
    await box.drained();
    expect(written).to.deep.equal(['1 sent']);
    expect(sent).to.deep.equal([]);
  });

  it('takes no message of an earlier process for another with the same text; asks again while the database is away', async () => {
    let asked = 0;
    const { outbox: box, written } = outbox({
      claimed: async () => {
        asked += 1;
        if (asked === 1) throw new GatewayError('DATABASE_UNAVAILABLE', 'away');
        return ['wa of the first'];
      },
    });
    const found = [{ messageId: 'wa of the first', timestamp: Date.now(), ack: 1 }];
    const { client, sent } = scripted({ findSent: async () => found });
    box.resume({ ...stored('2', 'sending'), text: 'the same' });
    box.open(client);
    await eventually('its end', () => written.length > 0);
    expect(sent).to.deep.equal(['the same']);
    expect(written).to.deep.equal(['2 sent']);
  });

  it('hands over at once what was stored as sending, and writes no more than how it ended', async () => {
    const { outbox: box, written } = outbox();
    const { client, sent } = scripted({ findSent: () => Promise.reject(new Error('was looked for')) });
    box.open(client);
    const message = stored('1', 'sending');
    const { settled } = box.put(message);
    expect(await settled).to.include({ status: 'sent' });
    expect(sent).to.deep.equal(['text 1']);
    expect(written).to.deep.equal(['1 sent']);
  });

  it('takes a message at once only with a session, a token, and nothing before it', async () => {
    const { outbox: box } = outbox();
    const place = box.reserve();
    expect(box.takesAtOnce(), 'without a session').to.equal(false);
    const { client } = scripted();
    box.open(client);
    await box.drained();
    expect(box.takesAtOnce()).to.equal(true);
    const another = box.reserve();
    expect(box.takesAtOnce(), 'beside another that is being stored').to.equal(false);
    another.release();
    const before = stored('1');
    const { settled } = box.put(before);
    expect(box.takesAtOnce(), 'behind one that is being sent').to.equal(false);
    place.release();
    await settled;
  });

  it('tells unknown without an acknowledgement, and sent once it comes late', async () => {
    const { outbox: box, written } = outbox();
    const silent = scripted({
      sendText: async () => ({ messageId: 'wa 1', timestamp: Date.now(), ack: 0 }),
    });
    box.open(silent.client);
    const message = stored('1');
    const { settled } = box.put(message);
    expect(await settled).to.include({ status: 'unknown', messageId: 'wa 1' });
    box.acked({ messageId: 'wa 1', ack: 1 });
    expect(written).to.deep.equal(['1 sending', '1 unknown', '1 sent']);
  });

  it('fails a refused message (ack −1) and goes on with the next', async () => {
    const { outbox: box } = outbox();
    const refusing = scripted({
      sendText: async (_to, text) => ({
        messageId: `wa ${text}`,
        timestamp: 0,
        ack: text === 'text 1' ? -1 : 1,
      }),
    });
    box.open(refusing.client);
    const settled = ['1', '2'].map((id) => box.put(stored(id)).settled);
    expect((await Promise.all(settled)).map((message) => message?.status)).to.deep.equal(['failed', 'sent']);
  });

  it('names a refusal by the code of the server, and sends nothing again', async () => {
    for (const [errorCode, code] of [
      [463, 'REACHOUT_TIMELOCKED'],
      [475, 'MESSAGE_CAPPED'],
      [500, 'BAD_GATEWAY'],
      [undefined, 'BAD_GATEWAY'],
    ] as const) {
      const refusal = { messageId: 'wa 1', ack: -1, errorCode };
      const { outbox: box } = outbox();
      let handedOver = 0;
      const refusing = scripted({
        sendText: async () => {
          handedOver += 1;
          setImmediate(() => box.acked(refusal));
          return { messageId: 'wa 1', timestamp: 0, ack: 0 };
        },
      });
      box.open(refusing.client);
      const late = await box.put(stored('1')).settled;
      expect(late?.error?.code, `by an ack, ${errorCode}`).to.equal(code);
      box.open(scripted({ sendText: async () => ({ ...refusal, timestamp: 0 }) }).client);
      const atOnce = await box.put(stored('2')).settled;
      expect(atOnce?.error?.code, `by the hand-over, ${errorCode}`).to.equal(code);
      expect([late?.status, atOnce?.status, handedOver]).to.deep.equal(['failed', 'failed', 1]);
    }
  });

  it('fails an unknown message whose refusal comes late', async () => {
    const { outbox: box, written } = outbox();
    box.open(scripted({ sendText: async () => ({ messageId: 'wa 1', timestamp: 0, ack: 0 }) }).client);
    expect(await box.put(stored('1')).settled).to.include({ status: 'unknown' });
    box.acked({ messageId: 'wa 1', ack: -1, errorCode: 463 });
    box.acked({ messageId: 'wa 1', ack: 1 });
    expect(written).to.deep.equal(['1 sending', '1 unknown', '1 failed']);
  });

  it('waits while the database is away, and loses nothing', async () => {
    let outages = 5;
    const { outbox: box } = outbox({
      markSending: async () => {
        outages -= 1;
        if (outages >= 0) throw new GatewayError('DATABASE_UNAVAILABLE', 'away');
      },
    });
    const { client, sent } = scripted();
    box.open(client);
    const message = stored('1');
    const { settled } = box.put(message);
    expect(await settled).to.include({ status: 'sent' });
    expect(sent).to.deep.equal(['text 1']);
  });

  it('gives up a message that does not get as far as the hand-over three times while the page answers', async () => {
    let tries = 0;
    const { outbox: box } = outbox();
    const { client } = scripted({
      resolveRecipient: () => {
        tries += 1;
        return lost();
      },
    });
    box.open(client);
    const message = stored('1');
    const { settled } = box.put(message);
    expect(await settled).to.include({ status: 'failed' });
    expect(tries).to.equal(3);
  });

  it('rests after a bug in its loop, and does not spin', async () => {
    const faults: string[] = [];
    let tries = 0;
    const { outbox: box } = outbox(
      {
        settle: () => {
          tries += 1;
          if (tries < 3) throw new Error('a bug');
          return Promise.resolve();
        },
      },
      (where) => faults.push(where),
    );
    box.open(scripted().client);
    const message = stored('1');
    await box.put(message).settled;
    expect(faults).to.deep.equal(['outbox', 'outbox']);
  });

  it('expires what could not be sent for too long, while there is no session', async () => {
    const { outbox: box } = outbox();
    const old = { ...stored('1'), createdAt: new Date(Date.now() - 60_001) };
    const { settled } = box.put(old);
    expect((await settled)?.error).to.include({ code: 'EXPIRED' });
  });
});
