import { expect } from 'chai';
import { wamidOf } from '../../../src/infra/cloud-ids.ts';
import { cloudBody } from '../../../src/infra/webhooks/cloud-format.ts';
import type { DeliveredEvent } from '../../../src/infra/webhooks/delivered-event.ts';

const EVENT = 'c2f6d0aa-3a0b-4a53-8f0e-7d6c5b4a3f2e';
const MESSAGE = '019a9f3e-7c1d-7b8e-9d52-3f0c5a1e77aa';
const FILE = '01f0a6c2-9b1d-4c63-8a4e-2f5d7c9e1b30';
const CHAT = '6281234567890@c.us';
const GROUP = '120363000000000001@g.us';
const RECEIVED = `false_${CHAT}_3EB0AA`;
const SENT = `true_${CHAT}_3EB0BB`;
const AT = '2025-11-07T08:00:00.000Z';
const SECONDS = '1762502400';
const sha256 = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';
const base64 = Buffer.from(sha256, 'hex').toString('base64');

/** The text of an event's body: of an agent that has sent the message with the stanza 3EB0BB. */
const textOf = (type: DeliveredEvent['type'], data: object) =>
  cloudBody(
    { id: EVENT, type, agentId: 'shop', at: new Date(AT), sequence: 1, data },
    {
      account: '6281111111111@c.us',
      idOfStanza: async (stanzaId) => (stanzaId === '3EB0BB' ? MESSAGE : null),
    },
  );

/** What an event's body says, without what all have in common. */
async function changeOf(type: DeliveredEvent['type'], data: object) {
  const body = JSON.parse((await textOf(type, data))!);
  expect(body).to.have.property('object', 'whatsapp_business_account');
  expect(body.entry).to.have.length(1);
  const [{ id, changes }] = body.entry;
  expect([id, changes.length]).to.deep.equal(['shop', 1]);
  const { messaging_product: product, metadata, ...value } = changes[0].value;
  expect(product).to.equal('whatsapp');
  expect(metadata).to.deep.equal({ display_phone_number: '6281111111111', phone_number_id: 'shop' });
  return { field: changes[0].field as string, ...value };
}

const received = { id: RECEIVED, chatId: CHAT, from: CHAT, fromMe: false, name: 'Ayu', at: AT };
const head = { from: '6281234567890', id: wamidOf(RECEIVED), timestamp: SECONDS };
const contacts = [{ profile: { name: 'Ayu' }, wa_id: '6281234567890' }];
const file = { id: FILE, mimeType: 'image/jpeg', sizeBytes: 9, sha256, fileName: 'a.jpg', url: 'http://x' };
const media = { mime_type: 'image/jpeg', sha256: base64, id: `${FILE}-shop` };
const href = 'https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/';

describe('an event in the shape of Meta’s webhooks', () => {
  /** What a message says, and its content. */
  const CONTENTS: [string, object, object][] = [
    ['text', { type: 'text', text: 'Halo' }, { type: 'text', text: { body: 'Halo' } }],
    ['image', { type: 'image', text: 'Menu', file }, { type: 'image', image: { caption: 'Menu', ...media } }],
    ['video', { type: 'video', file }, { type: 'video', video: media }],
    [
      'voice note',
      { type: 'audio', file: { ...file, voice: true } },
      { type: 'audio', audio: { ...media, voice: true } },
    ],
    ['sticker', { type: 'sticker', file }, { type: 'sticker', sticker: media }],
    ['document', { type: 'document', file }, { type: 'document', document: { filename: 'a.jpg', ...media } }],
    [
      'location',
      { type: 'location', location: { latitude: -6, longitude: 106, name: 'Monas' } },
      { type: 'location', location: { latitude: -6, longitude: 106, name: 'Monas' } },
    ],
    [
      'contact',
      { type: 'contacts', contacts: [{ name: { formatted_name: 'Sari' }, phones: [{ phone: '+62 8' }] }] },
      { type: 'contacts', contacts: [{ name: { formatted_name: 'Sari' }, phones: [{ phone: '+62 8' }] }] },
    ],
  ];
  for (const [name, data, content] of CONTENTS)
    it(`is a message that came in: ${name}`, async () => {
      expect(await changeOf('message.received', { ...received, ...data })).to.deep.equal({
        field: 'messages',
        contacts,
        messages: [{ ...head, ...content }],
      });
    });

  it('is an unsupported message for a kind that Meta does not have, and for a file that was not downloaded', async () => {
    const lost = { ...file, id: undefined, error: { message: 'WhatsApp did not give the file.' } };
    for (const [data, code, details] of [
      [{ type: 'poll' }, 131051, 'Message type is currently not supported.'],
      [{ type: 'image', file: lost }, 131052, 'WhatsApp did not give the file.'],
    ] as const) {
      const { messages } = await changeOf('message.received', { ...received, ...data });
      expect(messages[0]).to.have.property('type', 'unsupported');
      expect(messages[0].errors[0]).to.deep.include({ code, error_data: { details } });
    }
  });

  it('names the quoted message by the id that its sender was given', async () => {
    const text = { ...received, type: 'text', text: 'ya' };
    for (const [quoted, context] of [
      [
        { messageId: SENT, fromMe: true },
        { from: '6281111111111', id: wamidOf(MESSAGE) },
      ],
      [
        { messageId: RECEIVED, fromMe: false },
        { from: '6281234567890', id: wamidOf(RECEIVED) },
      ],
      [
        { messageId: `true_${CHAT}_3EB0CC`, fromMe: true },
        { from: '6281111111111', id: wamidOf(`true_${CHAT}_3EB0CC`) },
      ],
    ] as const)
      expect((await changeOf('message.received', { ...text, quoted })).messages[0].context).to.deep.equal(
        context,
      );
  });

  it('names the group and the author of a message in a group', async () => {
    const data = { ...received, id: `false_${GROUP}_3EB0AA_${CHAT}`, chatId: GROUP, type: 'text', text: 'x' };
    const { messages } = await changeOf('message.received', data);
    expect(messages[0]).to.include({ from: '6281234567890', group_id: GROUP });
    const edited = await changeOf('message.edited', { id: data.id, chatId: GROUP, text: 'y', at: AT });
    expect(edited.messages[0]).to.include({ from: '6281234567890', group_id: GROUP });
  });

  it('is an echo of what a person wrote on the phone', async () => {
    const data = { ...received, id: `true_${CHAT}_3A11`, from: '6281111111111@c.us', fromMe: true };
    expect(await changeOf('message.received', { ...data, type: 'text', text: 'Saya bantu' })).to.deep.equal({
      field: 'smb_message_echoes',
      message_echoes: [
        {
          from: '6281111111111',
          to: '6281234567890',
          id: wamidOf(data.id),
          timestamp: SECONDS,
          type: 'text',
          text: { body: 'Saya bantu' },
        },
      ],
    });
  });

  it('is an edit, a revocation or a reaction, with an id of its own', async () => {
    const of = { chatId: CHAT, at: AT };
    const own = { ...head, id: wamidOf(EVENT) };
    const whose = { field: 'messages', contacts: [{ profile: {}, wa_id: '6281234567890' }] };
    const original_message_id = wamidOf(RECEIVED);
    expect(await changeOf('message.edited', { ...of, id: RECEIVED, text: 'baru' })).to.deep.equal({
      ...whose,
      messages: [
        {
          ...own,
          type: 'edit',
          edit: { original_message_id, message: { type: 'text', text: { body: 'baru' } } },
        },
      ],
    });
    expect(await changeOf('message.revoked', { ...of, id: RECEIVED })).to.deep.equal({
      ...whose,
      messages: [{ ...own, type: 'revoke', revoke: { original_message_id } }],
    });
    const reaction = { ...of, id: SENT, from: CHAT, fromMe: false, emoji: '👍' };
    expect(await changeOf('message.reaction', reaction)).to.deep.equal({
      ...whose,
      messages: [{ ...own, type: 'reaction', reaction: { message_id: wamidOf(MESSAGE), emoji: '👍' } }],
    });
    expect(await textOf('message.reaction', { ...reaction, fromMe: true })).to.equal(null);
  });

  it('is a status with the caller’s own data, and the error of a failure', async () => {
    const data = { id: MESSAGE, to: CHAT, kind: 'text', origin: 'api' };
    const status = { id: wamidOf(MESSAGE), timestamp: SECONDS, recipient_id: '6281234567890' };
    for (const each of ['sent', 'delivered', 'read'])
      expect(
        await changeOf('message.status', { ...data, status: each, callbackData: 'order 7' }),
      ).to.deep.equal({
        field: 'messages',
        statuses: [{ ...status, status: each, biz_opaque_callback_data: 'order 7' }],
      });
    const error = { code: 'RECIPIENT_NOT_ON_WHATSAPP', message: 'The number has no WhatsApp account.' };
    const title = 'Message undeliverable';
    expect(await changeOf('message.status', { ...data, status: 'failed', error })).to.deep.equal({
      field: 'messages',
      statuses: [
        {
          ...{ ...status, status: 'failed' },
          errors: [{ code: 131026, title, message: title, error_data: { details: error.message }, href }],
        },
      ],
    });
    const { statuses } = await changeOf('message.status', { ...data, to: GROUP, status: 'sent' });
    expect(statuses[0]).to.include({ recipient_id: GROUP, recipient_type: 'group' });
  });

  it('is nothing where Meta has no words', async () => {
    for (const status of ['queued', 'sending', 'unknown'])
      expect(await textOf('message.status', { id: MESSAGE, to: CHAT, status })).to.equal(null);
    for (const type of ['chat.mode', 'session.state', 'session.restriction', 'call.received'] as const)
      expect(await textOf(type, {})).to.equal(null);
  });

  it('is ASCII, with other characters escaped as Meta does', async () => {
    const text = await textOf('message.received', { ...received, type: 'text', text: 'äöå 👍 \x7f' });
    expect(text)
      .to.match(/^[\x20-\x7e]+$/)
      .and.to.include('\\u00e4\\u00f6\\u00e5 \\ud83d\\udc4d \\u007f');
    expect(JSON.parse(text!).entry[0].changes[0].value.messages[0].text.body).to.equal('äöå 👍 \x7f');
  });
});
