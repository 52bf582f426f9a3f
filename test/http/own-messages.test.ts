import { expect } from 'chai';
import type { MessageContent } from '../../src/actors/domain/message-content.ts';
import type { StoredMessage } from '../../src/actors/domain/ports/stores.ts';
import { AT } from '../support/fake-system.ts';
import { expectProblem, failure, Harness } from '../support/http-harness.ts';

const key = 'secret-key';
const ID = '019a9f3e-7c1d-4b8e-9d52-3f0c5a1e77aa';
const CHAT = '6281234567890@c.us';
const OF_WHATSAPP = `true_${CHAT}_3EB0C767D26A1D8E5A1B`;

describe('PATCH and DELETE /agents/{agentId}/messages/{id}', () => {
  let http: Harness;
  beforeEach(async () => {
    http = await new Harness().start();
  });
  afterEach(() => http.stop());

  /** Stores a message of the agent. */
  function stored(
    changes: Partial<StoredMessage> = {},
    content: MessageContent = { kind: 'text', text: 'Halo' },
  ) {
    http.system.messages.set(ID, {
      id: ID,
      userId: 7,
      agentId: 'bot',
      seq: 1,
      to: '081234567890',
      content,
      origin: 'api',
      traceId: 't',
      status: 'sent',
      messageId: OF_WHATSAPP,
      error: null,
      createdAt: AT,
      account: null,
      stanzaId: null,
      chatId: CHAT,
      handedOverAt: AT,
      sentAt: AT,
      ...changes,
    });
  }

  const edit = (id: string, json: unknown = { text: 'Halo lagi' }, headers = {}) =>
    http.ask(`/agents/bot/messages/${id}`, { method: 'PATCH', key, json, headers });
  const remove = (id: string, headers = {}) =>
    http.ask(`/agents/bot/messages/${id}`, { method: 'DELETE', key, headers });

  for (const [name, id, chat] of [
    ['our id', ID, CHAT],
    ["WhatsApp's id", OF_WHATSAPP, CHAT],
    [
      "WhatsApp's id in a group",
      'true_120363041234567890@g.us_3EB0_6281111111111@c.us',
      '120363041234567890@g.us',
    ],
    ["WhatsApp's id with a LID", 'true_123456789012345@lid_3EB0', '123456789012345@lid'],
  ] as const)
    it(`send an edit and a deletion to the chat of the message, by ${name}`, async () => {
      stored();
      const edited = await edit(id);
      expect([edited.status, edited.body.status]).to.deep.equal([200, 'sent']);
      expect((await remove(id)).status).to.equal(200);
      expect(http.system.sent.map(({ message }) => [message.to, message.content])).to.deep.equal([
        [chat, { kind: 'edit', messageId: id, text: 'Halo lagi' }],
        [chat, { kind: 'revoke', messageId: id }],
      ]);
    });

  it('go to the recipient while the chat is not known yet', async () => {
    stored({ chatId: null, status: 'sending', messageId: null });
    await edit(ID);
    expect(http.system.sent[0]!.message.to).to.equal('081234567890');
  });

  it('answer 202 at once with Prefer: respond-async', async () => {
    stored();
    http.system.onSend = async ({ to }) => ({ status: 'queued', id: 'm-9', to, position: 3 });
    for (const ask of [
      (headers: object) => edit(ID, undefined, headers),
      (headers: object) => remove(ID, headers),
    ]) {
      const reply = await ask({ prefer: 'respond-async' });
      expect(reply.status).to.equal(202);
      expect(reply.headers.get('location')).to.equal('/agents/bot/messages/m-9');
    }
  });

  it('happen once per Idempotency-Key, which counts for one message and text', async () => {
    stored();
    const keyed = { 'idempotency-key': 'once' };
    for (const ask of [() => edit(ID, undefined, keyed), () => remove(ID, keyed)]) {
      const [first, second] = [await ask(), await ask()];
      expect(second.body).to.deep.equal(first.body);
      expect(second.headers.get('idempotent-replayed')).to.equal('true');
    }
    expect(http.system.sent).to.have.length(2);
    expectProblem(await edit(ID, { text: 'other' }, keyed), 'IDEMPOTENCY_CONFLICT');
    expectProblem(await edit(OF_WHATSAPP, undefined, keyed), 'IDEMPOTENCY_CONFLICT');
  });

  it('take a message out of the queue that still waits there: it is not sent', async () => {
    stored({ status: 'queued', messageId: null });
    const reply = await remove(ID);
    expect(reply.status).to.equal(200);
    expect(reply.body).to.deep.equal({ id: ID, to: '081234567890', status: 'withdrawn' });
    expect(http.system.sent).to.be.empty;
  });

  for (const [code, status] of [
    ['NOT_OWN_MESSAGE', 403],
    ['NOT_FOUND', 404],
    ['TOO_LATE', 409],
    ['INVALID_PAYLOAD', 400],
    ['SESSION_NOT_READY', 409],
  ] as const)
    it(`answer ${status} ${code} when WhatsApp's page refuses with it`, async () => {
      stored();
      http.system.onSend = async () => {
        throw failure(code, 'Refused.', { details: { outcome: 'failed', id: 'm-1' } });
      };
      for (const reply of [await edit(ID), await remove(ID)]) {
        expect(reply.status).to.equal(status);
        expectProblem(reply, code);
      }
    });

  it('refuse another’s message, by its id alone', async () => {
    for (const reply of [await edit(`false_${CHAT}_3EB0`), await remove(`false_${CHAT}_3EB0`)]) {
      expect(reply.status).to.equal(403);
      expectProblem(reply, 'NOT_OWN_MESSAGE');
    }
    expect(http.system.sent).to.be.empty;
  });

  for (const id of [
    '01f0a6c2-9b1d-4c63-8a4e-2f5d7c9e1b30',
    'nope',
    'true_status@broadcast_3EB0',
    'true_12@newsletter_3EB0',
    'true_x_y',
    'true__3EB0',
    'maybe_6281234567890@c.us_3EB0',
    '%00',
    'a%2Fb',
    'x'.repeat(5_000),
  ])
    it(`answer 404 for ${id.slice(0, 40)}, and send nothing`, async () => {
      for (const reply of [await edit(id), await remove(id)]) expectProblem(reply, 'NOT_FOUND');
      expect(http.system.sent).to.be.empty;
    });

  it('answer 404 for what is itself a change', async () => {
    for (const content of [
      { kind: 'reaction', messageId: OF_WHATSAPP, emoji: '☕' },
      { kind: 'edit', messageId: OF_WHATSAPP, text: 'a' },
      { kind: 'revoke', messageId: OF_WHATSAPP },
    ] as const) {
      stored({}, content);
      for (const reply of [await edit(ID), await remove(ID)]) expectProblem(reply, 'NOT_FOUND');
    }
  });

  for (const [name, json, field] of [
    ['no text', {}, 'text'],
    ['an empty text', { text: '' }, 'text'],
    ['a text over 65536', { text: 'x'.repeat(65_537) }, 'text'],
    ['a number as text', { text: 5 }, 'text'],
    ['another recipient', { text: 'a', to: '081234567890' }, 'to'],
    ['NUL in text', { text: 'a\0' }, 'text'],
  ] as const)
    it(`answer 400 for an edit with ${name}`, async () => {
      stored();
      const reply = await edit(ID, json);
      expectProblem(reply, 'INVALID_PAYLOAD');
      expect(reply.body.error.details).to.have.nested.property('[0].path', field);
      expect(http.system.sent).to.be.empty;
    });

  it('want the key of the agent', async () => {
    for (const method of ['PATCH', 'DELETE'])
      expectProblem(
        await http.ask(`/agents/bot/messages/${ID}`, { method, json: { text: 'a' } }),
        'UNAUTHORIZED',
      );
  });
});
