import { expect } from 'chai';
import type { InboundMessage } from '../../../src/actors/domain/ports/whatsapp.ts';
import { INBOUND_TYPES } from '../../../src/actors/domain/settings.ts';
import { ignoreReason } from '../../../src/actors/inbound/inbound-filter.ts';

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

describe('the inbound filter', () => {
  const cases: [string, InboundMessage, string | null][] = [
    ['a direct message', dm, null],
    ['a direct message from a LID', { ...dm, chatId: '7@lid', senderId: '7@lid' }, null],
    ['a group message without a mention', group, 'group_without_mention'],
    ['a group message that mentions the number', { ...group, mentionedIds: ['628111@c.us'] }, null],
    [
      'a group message that mentions a device of the number',
      { ...group, mentionedIds: ['628111:12@c.us'] },
      null,
    ],
    ['a group message that mentions the LID', { ...group, mentionedIds: ['99@lid'] }, null],
    [
      'a group message that mentions another number',
      { ...group, mentionedIds: ['628333@c.us'] },
      'group_without_mention',
    ],
    ['a group message with the number in the body', { ...group, body: 'ask 628111 please' }, null],
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
      'a message from WhatsApp’s server',
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
    ['an address of an unknown kind', { ...dm, chatId: 'x@new', senderId: 'x@new' }, 'no_person'],
    [
      'a message from a device of a person',
      { ...dm, chatId: '628222:3@c.us', senderId: '628222:3@c.us' },
      null,
    ],
  ];
  for (const [what, message, expected] of cases) {
    it(`${expected === null ? 'answers' : 'ignores'} ${what}`, () => {
      expect(ignoreReason(message, me, ['text'])).to.equal(expected);
    });
  }
});

describe('a message of a kind', () => {
  for (const [type, types, expected] of [
    ['image', ['text', 'image'], null],
    ['ptt', ['audio'], null],
    ['ptv', ['video'], null],
    ['multi_vcard', ['contacts'], null],
    ['location', ['location'], null],
    ['sticker', ['text', 'image'], 'not_text'],
    ['poll_creation', INBOUND_TYPES, 'not_text'],
    ['e2e_notification', INBOUND_TYPES, 'not_text'],
    ['chat', ['image'], 'text'],
    ['chat', [], 'text'],
  ] as const)
    it(`${type} is ${expected === null ? 'answered' : 'ignored'} where ${types.join(', ') || 'none'} are answered`, () => {
      expect(ignoreReason({ ...dm, type, body: '' }, me, types)).to.equal(expected);
    });

  it('needs a mention in its caption in a group', () => {
    const image = { ...group, type: 'image', mentionedIds: [], body: 'look' };
    expect(ignoreReason(image, me, INBOUND_TYPES)).to.equal('group_without_mention');
    expect(ignoreReason({ ...image, mentionedIds: [me.pn] }, me, INBOUND_TYPES)).to.equal(null);
  });
});

describe('the number of the bot in the text of a group message', () => {
  const bot = { pn: '6281100000001@c.us', lid: '99@lid' };
  const isMention = (body: string) => ignoreReason({ ...group, body }, bot, ['text']) === null;

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
    it(`is a mention in ${JSON.stringify(body)}`, () => expect(isMention(body)).to.equal(true));

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
    it(`is no mention in ${JSON.stringify(body)}`, () => expect(isMention(body)).to.equal(false));

  it('is searched in a text of 65,536 characters within two seconds', () => {
    const long = ['62 811-0000-000 '.repeat(4_096), '6 '.repeat(32_768), '-'.repeat(65_536)];
    const startedAt = performance.now();
    for (const body of long) isMention(body);
    expect(performance.now() - startedAt).to.be.below(2_000);
  });
});
