import { expect } from 'chai';
import { createLogger } from '../../src/infra/logging/logger.ts';
import { eventually } from '../support/eventually.ts';
import { BEARER, BOT, CUSTOMER } from '../support/fixtures.ts';
import { linkAgent } from '../support/link-agent.ts';
import { readLine } from '../support/log-lines.ts';
import { withDatabase } from '../support/postgres.ts';
import { type Service, startService } from '../support/service.ts';

interface Content {
  type: string;
  text?: { body: string };
}

/** Each face of the API, by how it is asked for a content in the words of Meta's Cloud API; MCP sends texts alone. */
const FACES: Record<string, (content: Content) => { path: string; body: object } | null> = {
  'the native API': (content) => ({ path: '/agents/shop/messages', body: { to: CUSTOMER, ...content } }),
  'the Cloud API': (content) => ({
    path: '/cloud/v23.0/shop/messages',
    body: { messaging_product: 'whatsapp', to: CUSTOMER, ...content },
  }),
  MCP: ({ text }) => {
    const params = { name: 'send_message', arguments: { to: CUSTOMER, text: text?.body } };
    const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params };
    return text ? { path: '/mcp/shop', body } : null;
  },
};

/** What differs from one message to the next. */
const OWN = ['id', 'seq', 'trace_id', 'message_id', 'stanza_id', 'file_id'];
const isOwn = (name: string) => OWN.includes(name) || name.endsWith('_at');

describe('one message', function () {
  this.timeout(60_000);
  const database = withDatabase();
  const lines: string[] = [];
  let service: Service;
  before(async () => {
    const logger = createLogger('trace', { write: (line: string) => void lines.push(line) });
    service = await startService(database(), { logger, env: { MCP_WRITE: 'true' } });
    await linkAgent(service, 'shop', BOT);
  });
  after(() => service?.close());

  /** The samples of the counter of sent messages. */
  async function counted(): Promise<Map<string, number>> {
    const text = await (await fetch(`${service.url}/metrics`)).text();
    const samples = text.matchAll(/^(wa_messages_sent_total\{.*\}) (\d+)$/gm);
    return new Map([...samples].map(([, name, value]) => [name!, Number(value)]));
  }

  /** What a message leaves behind: its row, its log lines, and what it adds to the metric. */
  async function traceOf({ path, body }: { path: string; body: object }) {
    const before = await counted();
    const headers = { ...BEARER, 'content-type': 'application/json' };
    const answer = await fetch(service.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    expect(answer.status).to.equal(200);
    const traceId = answer.headers.get('x-trace-id')!;
    const traced = () => lines.map(readLine).filter((line) => line.traceId === traceId);
    await eventually('the message to be delivered', () =>
      traced().some(({ event }) => event === 'message.delivered'),
    );
    const query = 'select * from gateway_message where trace_id = $1';
    const [stored] = (await service.pool.query(query, [traceId])).rows;
    const row = Object.fromEntries(Object.entries(stored).filter(([name]) => !isOwn(name)));
    const { file: { id: _id, path: _path, ...file } = {}, ...content } = stored.content;
    const logged = traced()
      .filter(({ event }) => event.startsWith('message.'))
      .map(({ time: _time, traceId: _traceId, id: _id, waitedMs: _waitedMs, ...line }) => line);
    const after = await counted();
    const added = [...after].map(([name, value]) => [name, value - (before.get(name) ?? 0)] as const);
    return { row: { ...row, content, file }, logged, added: added.filter(([, value]) => value !== 0) };
  }

  for (const [kind, content] of Object.entries({
    text: () => ({ type: 'text', text: { body: 'Halo' } }),
    image: () => ({ type: 'image', image: { link: `${service.images}/image.png`, caption: 'Menu' } }),
  }))
    it(`has the same row, log lines and metric by each face of the API: ${kind}`, async () => {
      const traces = new Map<string, object>();
      for (const [face, ask] of Object.entries(FACES)) {
        const request = ask(content());
        if (request) traces.set(face, await traceOf(request));
      }
      const [first] = traces.values();
      expect(first).to.have.nested.property('row.content.kind', kind);
      expect(first).to.have.nested.property('logged.length', 4);
      expect(first).to.have.nested.property('added.length', 1);
      for (const [face, trace] of traces) expect(trace, face).to.deep.equal(first);
    });
});
