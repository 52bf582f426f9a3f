import { type Attack, KEY, MARK, OTHER_KEY } from './row.ts';

const message = { to: '081234567890', message: MARK };

/** A send with these headers and no other key. */
function presenting(name: string, headers: Record<string, string>, query = ''): Attack {
  const ask = { method: 'POST', json: message, headers };
  return { name, path: `/agents/bot/messages${query}`, ask, code: 'UNAUTHORIZED' };
}

/** Authorization headers without the agent's key as a Bearer token. */
const HEADERS = [
  '',
  'Bearer',
  'Bearer ',
  'bearer',
  'Bearer null',
  'Bearer undefined',
  'Bearer NaN',
  'Bearer true',
  'Bearer 0',
  'Bearer {}',
  'Bearer []',
  'Bearer [object Object]',
  'Bearer *',
  'Bearer %',
  `Bearer ' or '1'='1`,
  'Bearer wrong',
  `Bearer ${KEY.slice(0, -1)}`,
  `Bearer ${KEY.slice(1)}`,
  `Bearer ${KEY}y`,
  `Bearer ${KEY}${KEY}`,
  `Bearer ${KEY.toUpperCase()}`,
  `Bearer ${KEY},x`,
  `Bearer ${KEY} x`,
  `Bearer ${KEY}, Bearer ${KEY}`,
  `Bearer x ${KEY}`,
  `Bearer "${KEY}"`,
  `Bearer '${KEY}'`,
  `Bearer:${KEY}`,
  `Bearer\t${KEY}`,
  `Bearer ${Buffer.from(KEY).toString('base64')}`,
  `Bearer ${encodeURIComponent(KEY).replace('-', '%2D')}`,
  `Bearer ${KEY}\u00a0`,
  'Bearer s\u00e9cret-key',
  `Bearer ${'x'.repeat(8_000)}`,
  `Bearer ${OTHER_KEY}`,
  `Basic ${Buffer.from(`bot:${KEY}`).toString('base64')}`,
  `Basic ${KEY}`,
  `Token ${KEY}`,
  `Digest username="bot", response="${KEY}"`,
  KEY,
];

/** Keys of every wrong form, and keys in every wrong place. */
export const KEYS: Attack[] = [
  ...HEADERS.map((authorization) =>
    presenting(`Authorization: ${authorization.slice(0, 40)}`, { authorization }),
  ),
  presenting('the key in X-Api-Key', { 'x-api-key': KEY }),
  presenting('the key in Proxy-Authorization', { 'proxy-authorization': `Bearer ${KEY}` }),
  presenting('the key in a cookie', { cookie: `authorization=Bearer ${KEY}; gateway_login=${KEY}` }),
  presenting('the key in the query', {}, `?apikey=${KEY}&access_token=${KEY}`),
  {
    name: 'the key in the body',
    path: '/agents/bot/messages',
    ask: { method: 'POST', json: { ...message, api_key: KEY, authorization: `Bearer ${KEY}` } },
    code: 'UNAUTHORIZED',
  },
  {
    name: 'a right key for the neighbour’s messages',
    path: '/agents/other/messages',
    ask: { method: 'POST', key: KEY, json: message },
    code: 'UNAUTHORIZED',
  },
  {
    name: 'a right key, with the neighbour named in the body',
    path: '/agents/bot/messages',
    ask: { method: 'POST', key: KEY, json: { ...message, agentId: 'other' } },
    code: 'INVALID_PAYLOAD',
  },
  {
    name: 'a known agent under another owner',
    path: '/sessions',
    ask: { method: 'POST', json: { userId: 666, agentId: 'bot', agentName: 'Mine', apikey: 'mine' } },
    code: 'AGENT_ID_TAKEN',
  },
];
