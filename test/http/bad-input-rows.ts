import type { ErrorCode } from '../../src/actors/domain/errors.ts';
import type { Ask } from '../support/http-harness.ts';

const session = { userId: 7, agentId: 'new-bot', agentName: 'New Bot' };
const text = { to: '081234567890', message: 'Halo' };
const image = { to: '081234567890', data: 'aGk=' };
const question = { message: 'hi', sessionId: '081234567890' };
const link = 'https://example.com/a';
const card = { name: { formatted_name: 'Sari' }, phones: [{ phone: '+62 812' }] };
const poll = { name: 'Makan?', options: ['ya', 'tidak'] };
const key = 'secret-key';

/** Nested objects, `depth` deep. */
const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
/** An object of `count` fields. */
export const wide = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]));

/** A request that must be refused, and its error. */
export interface Row {
  name: string;
  path: string;
  ask: Ask;
  code: ErrorCode;
  /** The field that the details must name. */
  field?: string;
}

/** A refused `POST /sessions`. */
function create(name: string, json: unknown, field: string): Row {
  return {
    name: `a session with ${name}`,
    path: '/sessions',
    ask: { method: 'POST', json },
    code: 'INVALID_PAYLOAD',
    field,
  };
}

/** A refused POST of an agent. */
function send(operation: string, name: string, json: unknown, field: string): Row {
  const ask = { method: 'POST', key, json };
  return {
    name: `${operation} with ${name}`,
    path: `/agents/bot/${operation}`,
    ask,
    code: 'INVALID_PAYLOAD',
    field,
  };
}

/** A refused message with a type. */
const content = (name: string, fields: object, field: string) =>
  send('messages', name, { to: text.to, ...fields }, field);

/** A refused message of a type, by the value of its content. */
const of = (type: string, name: string, value: unknown, field: string) =>
  content(`a ${type} with ${name}`, { type, [type]: value }, field);

/** A refused read of an agent. */
function read(path: string, name: string, field: string): Row {
  return { name, path: `/agents/bot/${path}`, ask: { key }, code: 'INVALID_PAYLOAD', field };
}

/** A refused change of a chat's mode, or of the settings. */
function change(method: 'PUT' | 'PATCH', path: string, name: string, json: unknown, field: string): Row {
  const ask = { method, key, json };
  return { name: `${method} of ${name}`, path: `/agents/bot/${path}`, ask, code: 'INVALID_PAYLOAD', field };
}

/** A raw body, sent to one of the POSTs. */
function body(
  name: string,
  path: string,
  content: string | Buffer | undefined,
  code: ErrorCode,
  headers: Record<string, string> = {},
): Row {
  return { name, path, ask: { method: 'POST', key, body: content, headers }, code };
}

const AGENT_IDS = [
  '..%2f..%2fvictim',
  '..%5cvictim',
  '%2e%2e%2fvictim',
  'a%00b',
  'abc%0a',
  '%20',
  '-leading',
  '_leading',
  '.hidden',
  'a.b',
  '%EF%BC%8E%EF%BC%8E',
  '%C3%A9',
  'a'.repeat(65),
  'session;rm',
];

/** Invalid requests, by accident or on purpose. */
export const ROWS: Row[] = [
  ...AGENT_IDS.flatMap((id): Row[] => [
    {
      name: `DELETE of agent ${id}`,
      path: `/sessions/${id}`,
      ask: { method: 'DELETE' },
      code: 'INVALID_PAYLOAD',
      field: 'agentId',
    },
    {
      name: `a send as agent ${id}`,
      path: `/agents/${id}/messages`,
      ask: { method: 'POST', key, json: text },
      code: 'INVALID_PAYLOAD',
      field: 'agentId',
    },
  ]),
  { name: 'a broken percent-encoding', path: '/sessions/%E0%A4%A', ask: {}, code: 'INVALID_PAYLOAD' },
  {
    name: 'an impossible message id',
    path: '/agents/bot/messages/a%2Fb',
    ask: { key },
    code: 'NOT_FOUND',
  },

  create('no userId', { ...session, userId: undefined }, 'userId'),
  create('userId 0', { ...session, userId: 0 }, 'userId'),
  create('a fractional userId', { ...session, userId: 1.5 }, 'userId'),
  create('a userId in a string', { ...session, userId: '7' }, 'userId'),
  create('a userId over int4', { ...session, userId: 2 ** 31 }, 'userId'),
  create('an empty agentId', { ...session, agentId: '' }, 'agentId'),
  create('a path as agentId', { ...session, agentId: '../../etc' }, 'agentId'),
  create('a line break in agentId', { ...session, agentId: 'abc\n' }, 'agentId'),
  create('no agentName', { ...session, agentName: undefined }, 'agentName'),
  create('an empty agentName', { ...session, agentName: '' }, 'agentName'),
  create('a number as apikey', { ...session, apikey: 5 }, 'apikey'),
  create('a line break in apikey', { ...session, apikey: 'a\r\nX: y' }, 'apikey'),
  create('the URL of the AI', { ...session, endpoint_url_run: 'http://evil' }, 'endpoint_url_run'),
  create('a status', { ...session, status: 'connected' }, 'status'),
  create('NUL in agentName', { ...session, agentName: 'a\0b' }, 'agentName'),
  create('half a surrogate pair', { ...session, agentName: 'a\ud800b' }, 'agentName'),

  send('messages', 'no recipient', { message: 'hi' }, 'to'),
  send('messages', 'words as recipient', { ...text, to: 'no number' }, 'to'),
  send('messages', 'a number as recipient', { ...text, to: 6281234567890 }, 'to'),
  send('messages', 'a list of recipients', { ...text, to: ['6281234567890'] }, 'to'),
  send('messages', 'a status as recipient', { ...text, to: 'status@broadcast' }, 'to'),
  send('messages', 'a recipient of 100 KB', { ...text, to: '1-'.repeat(50_000) }, 'to'),
  send('messages', 'an empty message', { ...text, message: '' }, 'message'),
  send('messages', 'a message over 65536', { ...text, message: 'x'.repeat(65_537) }, 'message'),
  send('messages', 'an object as message', { ...text, message: {} }, 'message'),
  send('messages', 'NUL in message', { ...text, message: 'a\0' }, 'message'),
  send('messages', 'half a surrogate pair', { ...text, message: '\udc00' }, 'message'),
  send('messages', 'an empty quoteId', { ...text, quoteId: '' }, 'quoteId'),
  send('messages', 'smuggled options', { ...text, options: { extra: {} } }, 'options'),
  send('messages', 'another agentId', { ...text, agentId: 'other' }, 'agentId'),

  content('an unknown type', { type: 'template', template: {} }, 'type'),
  content('a number as type', { type: 5 }, 'type'),
  content('a type alone', { type: 'image' }, 'image'),
  content('two contents', { type: 'text', text: { body: 'a' }, poll: {} }, 'poll'),
  content('a typed content and a message', { type: 'text', text: { body: 'a' }, message: 'b' }, 'message'),
  of('text', 'no body', {}, 'text.body'),
  of('text', 'an empty body', { body: '' }, 'text.body'),
  of('text', 'a body over 65536', { body: 'x'.repeat(65_537) }, 'text.body'),
  of('text', 'words for preview_url', { body: 'a', preview_url: 'yes' }, 'text.preview_url'),
  content('words as mention', { type: 'text', text: { body: 'a' }, mentions: ['me'] }, 'mentions.0'),
  content(
    '1,025 mentions',
    { type: 'text', text: { body: 'a' }, mentions: Array(1_025).fill(text.to) },
    'mentions',
  ),
  of('image', 'no source', { caption: 'a' }, 'image'),
  of('image', 'two sources', { link, data: 'aGk=' }, 'image'),
  of('image', 'an empty link', { link: '' }, 'image.link'),
  of('image', 'a link over 8192', { link: `https://e.com/${'x'.repeat(8192)}` }, 'image.link'),
  of('image', 'an object as link', { link: {} }, 'image.link'),
  of('image', 'empty data', { data: '' }, 'image.data'),
  of('image', 'a path as id', { id: '../../etc/passwd' }, 'image.id'),
  of('image', 'a number as caption', { link, caption: 5 }, 'image.caption'),
  of('image', 'a caption over 65536', { link, caption: 'x'.repeat(65_537) }, 'image.caption'),
  of('image', 'the field of /media', { link, url: link }, 'image.url'),
  of('video', 'a list', [link], 'video'),
  of('video', 'a file name', { link, filename: 'a.mp4' }, 'video.filename'),
  of('audio', 'words for voice', { link, voice: 'yes' }, 'audio.voice'),
  of('audio', 'a caption', { link, caption: 'a' }, 'audio.caption'),
  of('document', 'a path as filename', { link, filename: '../../x.pdf' }, 'document.filename'),
  of('document', 'a line break in filename', { link, filename: 'a\r\nb' }, 'document.filename'),
  of('document', 'a number as filename', { link, filename: 5 }, 'document.filename'),
  of('sticker', 'a caption', { link, caption: 'a' }, 'sticker.caption'),
  of('location', 'no latitude', { longitude: 106.8 }, 'location.latitude'),
  of('location', 'a latitude of 91', { latitude: 91, longitude: 0 }, 'location.latitude'),
  of('location', 'words as longitude', { latitude: 0, longitude: '106' }, 'location.longitude'),
  of('location', 'an empty name', { latitude: 0, longitude: 0, name: '' }, 'location.name'),
  of('contacts', 'no card', [], 'contacts'),
  of('contacts', '21 cards', Array(21).fill(card), 'contacts'),
  of('contacts', 'a card without a name', [{ phones: card.phones }], 'contacts.0.name'),
  of('contacts', 'a card without phones', [{ ...card, phones: [] }], 'contacts.0.phones'),
  of('contacts', 'an empty phone', [{ ...card, phones: [{ phone: '' }] }], 'contacts.0.phones.0.phone'),
  of('poll', 'one option', { ...poll, options: ['a'] }, 'poll.options'),
  of('poll', '13 options', { ...poll, options: [...'abcdefghijklm'] }, 'poll.options'),
  of('poll', 'one option twice', { ...poll, options: ['a', 'a'] }, 'poll.options'),
  of('poll', 'more to select than there is', { ...poll, selectable_count: 3 }, 'poll.selectable_count'),
  of('poll', 'no question', { options: poll.options }, 'poll.name'),
  of('reaction', 'no message', { emoji: 'a' }, 'reaction.message_id'),
  of('reaction', 'a blank in the message', { message_id: 'a b', emoji: 'a' }, 'reaction.message_id'),
  of('reaction', 'no emoji', { message_id: 'a' }, 'reaction.emoji'),
  of('reaction', 'an emoji over 64', { message_id: 'a', emoji: 'x'.repeat(65) }, 'reaction.emoji'),

  send('media', 'neither source', { to: text.to }, 'data'),
  send('media', 'both sources', { ...image, url: 'https://example.com' }, 'data'),
  send('media', 'an empty source', { to: text.to, data: '' }, 'data'),
  send('media', 'a URL over 8192', { to: text.to, url: `https://e.com/${'x'.repeat(8192)}` }, 'url'),
  send('media', 'a path as filename', { ...image, filename: '../../x.png' }, 'filename'),
  send('media', 'a line break in filename', { ...image, filename: 'a\r\nb' }, 'filename'),
  send('media', 'no media type as mimetype', { ...image, mimetype: 'png' }, 'mimetype'),
  send('media', 'words for save_to_temp', { ...image, save_to_temp: 'no' }, 'save_to_temp'),

  send('run', 'no sessionId', { message: 'hi' }, 'sessionId'),
  send('run', 'words as sessionId', { ...question, sessionId: 'me' }, 'sessionId'),
  send('run', 'a fraction as sessionId', { ...question, sessionId: 62.5 }, 'sessionId'),
  send('run', 'words for memory_enable', { ...question, memory_enable: 'yes' }, 'memory_enable'),
  send('run', 'a list as metadata', { ...question, metadata: [] }, 'metadata'),
  send('run', '51 fields of metadata', { ...question, metadata: wide(51) }, 'metadata'),
  send('run', 'NUL in a field name', { ...question, 'a\0b': 1 }, ''),
  send(
    'run',
    'half a surrogate pair deep inside',
    { ...question, metadata: { a: ['\ud800'] } },
    'metadata.a.0',
  ),

  body(
    'a prototype key in a session',
    '/sessions',
    '{"userId":7,"agentId":"a","agentName":"A","__proto__":{"x":1}}',
    'INVALID_PAYLOAD',
  ),
  body(
    'a prototype key in a run',
    '/agents/bot/run',
    '{"message":"hi","sessionId":"081234567890","metadata":{"__proto__":{"x":1}}}',
    'INVALID_PAYLOAD',
  ),
  body('no body', '/sessions', undefined, 'INVALID_PAYLOAD'),
  body('a body of spaces', '/sessions', '   ', 'INVALID_PAYLOAD'),
  body('a body that ends early', '/sessions', '{"userId":', 'INVALID_PAYLOAD'),
  body('a string as body', '/sessions', '"hi"', 'INVALID_PAYLOAD'),
  body('null as body', '/agents/bot/messages', 'null', 'INVALID_PAYLOAD'),
  body('a list as body', '/agents/bot/messages', '[]', 'INVALID_PAYLOAD'),
  body('two documents as body', '/agents/bot/messages', '{}{}', 'INVALID_PAYLOAD'),
  body('comments in the body', '/agents/bot/messages', '{/* x */}', 'INVALID_PAYLOAD'),
  body('a body 21 deep', '/agents/bot/run', nested(21), 'INVALID_PAYLOAD'),
  body('a body 80,000 deep', '/agents/bot/run', nested(80_000), 'INVALID_PAYLOAD'),
  body('a body of 20,000 fields', '/agents/bot/run', JSON.stringify(wide(20_000)), 'INVALID_PAYLOAD'),
  body('a session over 32 KB', '/sessions', `{"a":"${'x'.repeat(33_000)}"}`, 'PAYLOAD_TOO_LARGE'),
  body(
    'a message over 512 KB',
    '/agents/bot/messages',
    `{"a":"${'x'.repeat(530_000)}"}`,
    'PAYLOAD_TOO_LARGE',
  ),
  body('a run over 512 KB', '/agents/bot/run', `{"a":"${'x'.repeat(530_000)}"}`, 'PAYLOAD_TOO_LARGE'),
  body(
    'media over its limit',
    '/agents/bot/media',
    `{"data":"${'x'.repeat(15_400_000)}"}`,
    'MEDIA_TOO_LARGE',
  ),
  body('text/plain', '/sessions', JSON.stringify(session), 'UNSUPPORTED_MEDIA_TYPE', {
    'content-type': 'text/plain',
  }),
  body('a form', '/sessions', 'userId=7', 'UNSUPPORTED_MEDIA_TYPE', {
    'content-type': 'application/x-www-form-urlencoded',
  }),
  body('multipart', '/agents/bot/media', 'x', 'UNSUPPORTED_MEDIA_TYPE', {
    'content-type': 'multipart/form-data; boundary=x',
  }),
  body('a broken content type', '/sessions', '{}', 'UNSUPPORTED_MEDIA_TYPE', { 'content-type': 'json' }),
  body('another charset', '/sessions', '{}', 'UNSUPPORTED_MEDIA_TYPE', {
    'content-type': 'application/json; charset=iso-8859-1',
  }),
  body('an unknown charset', '/sessions', '{}', 'UNSUPPORTED_MEDIA_TYPE', {
    'content-type': 'application/json; charset=utf-99',
  }),
  body('a compressed body', '/agents/bot/messages', Buffer.from('1f8b08', 'hex'), 'UNSUPPORTED_MEDIA_TYPE', {
    'content-encoding': 'gzip',
  }),
  body('a brotli body', '/agents/bot/messages', Buffer.from('00'), 'UNSUPPORTED_MEDIA_TYPE', {
    'content-encoding': 'br',
  }),
  body('an idempotency key over 255', '/agents/bot/messages', JSON.stringify(text), 'INVALID_PAYLOAD', {
    'idempotency-key': 'k'.repeat(256),
  }),
  body('an empty idempotency key', '/agents/bot/messages', JSON.stringify(text), 'INVALID_PAYLOAD', {
    'idempotency-key': '',
  }),
  body('a tab in the idempotency key', '/agents/bot/messages', JSON.stringify(text), 'INVALID_PAYLOAD', {
    'idempotency-key': 'a\tb',
  }),
  {
    name: 'the key in the query',
    path: '/agents/bot/messages?key=secret-key',
    ask: { method: 'POST', json: text },
    code: 'UNAUTHORIZED',
  },
  {
    name: 'a method override',
    path: '/sessions/bot',
    ask: { method: 'POST', headers: { 'x-http-method-override': 'DELETE' } },
    code: 'METHOD_NOT_ALLOWED',
  },
  {
    name: 'a method override in the query',
    path: '/sessions/bot?_method=DELETE',
    ask: { method: 'POST' },
    code: 'METHOD_NOT_ALLOWED',
  },
  change('PUT', 'chats/081234567890', 'a chat without a mode', {}, 'mode'),
  change('PUT', 'chats/081234567890', 'a chat to an unknown mode', { mode: 'ai' }, 'mode'),
  change('PUT', 'chats/081234567890', 'a chat for 0 minutes', { mode: 'human', minutes: 0 }, 'minutes'),
  change('PUT', 'chats/081234567890', 'a chat for half a minute', { mode: 'human', minutes: 0.5 }, 'minutes'),
  change('PUT', 'chats/081234567890', 'a chat for centuries', { mode: 'human', minutes: 1e9 }, 'minutes'),
  change(
    'PUT',
    'chats/081234567890',
    'a chat to the bot for minutes',
    { mode: 'bot', minutes: 5 },
    'minutes',
  ),
  change('PUT', 'chats/081234567890', 'a chat with more', { mode: 'human', until: 'noon' }, 'until'),
  change('PUT', 'chats/no-number', 'a chat that is none', { mode: 'human' }, 'chatId'),
  change('PUT', 'chats/status@broadcast', 'the chat of statuses', { mode: 'human' }, 'chatId'),
  change('PATCH', 'settings', 'a negative debounce', { debounceMs: -1 }, 'debounceMs'),
  change('PATCH', 'settings', 'a debounce of hours', { debounceMaxMs: 7_200_000 }, 'debounceMaxMs'),
  change('PATCH', 'settings', 'negative minutes', { handoverMinutes: -1 }, 'handoverMinutes'),
  change('PATCH', 'settings', 'minutes as text', { handoverMinutes: '5' }, 'handoverMinutes'),
  change('PATCH', 'settings', 'minutes of years', { handoverMinutes: 1_000_000 }, 'handoverMinutes'),
  change('PATCH', 'settings', 'an unknown kind', { inboundTypes: ['text', 'gif'] }, 'inboundTypes.1'),
  change('PATCH', 'settings', 'files in another way', { aiMedia: 'link' }, 'aiMedia'),
  change(
    'PATCH',
    'settings',
    'a delay without a maximum',
    { replyDelay: { perCharacterMs: 5 } },
    'replyDelay.maxMs',
  ),
  change(
    'PATCH',
    'settings',
    'a delay of minutes',
    { replyDelay: { perCharacterMs: 5, maxMs: 120_000 } },
    'replyDelay.maxMs',
  ),
  change('PATCH', 'settings', 'a list that is none', { ignore: '@g.us' }, 'ignore'),
  change('PATCH', 'settings', 'a list with another domain', { ignore: ['@g.us', '@c.us'] }, 'ignore.1'),
  change('PATCH', 'settings', 'a list with an empty entry', { ignore: [''] }, 'ignore.0'),
  read('chats?limit=0', 'a page of no chats', 'limit'),
  read('chats?limit=101', 'a page of too many chats', 'limit'),
  read('chats?limit=ten', 'a page of ten in words', 'limit'),
  read('chats?before=', 'a page before nothing', 'before'),
  read(`chats?before=${'x'.repeat(513)}`, 'a page before a book', 'before'),
  read('chats?mode=human&limit=5', 'a page of chats with a mode', 'mode'),
  read('chats/no-number/messages', 'messages of a chat that is none', 'chatId'),
  read('chats/081234567890/messages?limit=1.5', 'a page and a half', 'limit'),
  read('chats/status@broadcast/messages', 'messages of statuses', 'chatId'),
  read(`chats/081234567890/messages/${'x'.repeat(257)}/file`, 'the file of no id', 'messageId'),
  read('contacts/1@g.us', 'a group as a contact', 'number'),
  read('contacts/no-number', 'a contact that is none', 'number'),
  send('chats/no-number/read', 'a chat that is none', {}, 'chatId'),
  send('chats/081234567890/typing', 'nothing', {}, 'typing'),
  send('chats/081234567890/typing', 'a word', { typing: 'yes' }, 'typing'),
  send('chats/081234567890/typing', 'more', { typing: true, ms: 5 }, 'ms'),
  {
    name: 'chats of the bot, which are not stored',
    path: '/agents/bot/chats?mode=bot',
    ask: { key },
    code: 'INVALID_PAYLOAD',
    field: 'mode',
  },
  { name: 'a prototype key as agent', path: '/sessions/constructor', ask: {}, code: 'SESSION_NOT_FOUND' },
];
