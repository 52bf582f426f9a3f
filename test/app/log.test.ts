import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { LOG_EVENTS } from '../../src/infra/logging/log-vocabulary.ts';
import { createLogger } from '../../src/infra/logging/logger.ts';
import { registerAgentLifecycle } from '../support/agent-lifecycle.ts';
import { callApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { BOT } from '../support/fixtures.ts';
import { linkAgent } from '../support/link-agent.ts';
import { FIELDS, readLine } from '../support/log-lines.ts';
import { withDatabase } from '../support/postgres.ts';
import { type Service, startService } from '../support/service.ts';

const KEY = 'key-of-user-7';
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const CUSTOMER = '6281234567890';

describe('docs/logs.md', () => {
  it('lists exactly the events and fields of the vocabulary', async () => {
    const page = await readFile(new URL('../../docs/logs.md', import.meta.url), 'utf8');
    const rows = page.split('\n').filter((line) => /^\| `[a-z._]+` \|/.test(line));
    const documented = rows.map((row) => {
      const [event, , fields] = row
        .split('|')
        .slice(1)
        .map((cell) => cell.trim().replaceAll('`', ''));
      return [
        event,
        fields!
          .split(', ')
          .filter((field) => field && field !== '…')
          .sort(),
      ];
    });
    expect(Object.keys(FIELDS)).to.have.members([...LOG_EVENTS]);
    expect(Object.fromEntries(documented)).to.deep.equal(
      Object.fromEntries(Object.entries(FIELDS).map(([event, shape]) => [event, Object.keys(shape).sort()])),
    );
  });
});

describe('the log at the lowest level', () => {
  const database = withDatabase();
  const lines: string[] = [];
  const qrs: string[] = [];
  const texts: string[] = [];
  let service: Service;

  before(async () => {
    const logger = createLogger('trace', { write: (line: string) => void lines.push(line) });
    service = await startService(database(), {
      logger,
      env: { AI_TIMEOUT_MS: '400' },
    });
    service.app.system.events.on('qr', ({ qr }) => {
      if (qr) qrs.push(qr.code);
    });
    const write = service.network.write.bind(service.network);
    service.network.write = (from, message) => {
      if (message.text !== '') texts.push(message.text);
      return write(from, message);
    };
  });
  after(() => service.close());

  registerAgentLifecycle(() => service);

  it('follows one trace id from the request through the AI call to the send', async () => {
    const { app, ai } = service;
    const authorization = `Bearer ${KEY}`;
    await linkAgent(service, 'traced', BOT, { userId: 7 });
    ai.behave = ({ body }) => ({ body: { reply: `AI: ${body.message}` } });
    const run = { message: 'follow me', sessionId: CUSTOMER };
    const traceparent = `00-${TRACE}-b7ad6b7169203331-01`;
    const headers = { authorization, traceparent };
    const { headers: answered } = await callApi(app.url, 'POST', '/agents/traced/run', run, headers);
    expect(answered.get('x-trace-id')).to.equal(TRACE);
    const asked = ai.calls.find(({ body }) => body.message === 'follow me');
    expect(asked!.traceparent).to.match(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
    const traced = await eventually('the request to be logged', () => {
      const found = lines.filter((line) => line.includes(TRACE)).map(readLine);
      return found.some(({ event }) => event === 'http.request') && found;
    });
    const expected = ['ai.call', 'message.queued', 'message.sending', 'message.sent', 'http.request'];
    expect(traced.map(({ event }) => event)).to.include.members(expected);
    for (const line of traced) expect(line).to.include({ traceId: TRACE, agentId: 'traced' });
  });

  it('has one trace id per incoming message, up to its answer', async () => {
    service.network.write(CUSTOMER, { to: '6281111111111', text: 'and me' });
    const { traceparent } = await eventually('the question', () =>
      service.ai.calls.find(({ body }) => body.message === 'and me'),
    );
    const [, traceId] = traceparent!.split('-');
    const expected = ['ai.call', 'message.queued', 'message.sending', 'message.sent', 'inbound'];
    await eventually('all lines of the answer', () => {
      const traced = lines.filter((line) => line.includes(traceId!)).map((line) => readLine(line).event);
      return expected.every((event) => traced.includes(event as never));
    });
  });

  it('has one JSON object per line, as docs/logs.md describes', () => {
    const events = new Set(lines.map((line) => readLine(line).event));
    expect(events.size).to.be.above(14);
  });

  it('contains no key, QR or image', () => {
    const log = lines.join('');
    expect(qrs).not.to.deep.equal([]);
    for (const secret of [KEY, 'not-used', 'Bearer old', ...qrs, 'iVBORw0KGgo'])
      expect(log).not.to.include(secret);
    expect(log).not.to.match(/2@[0-9A-F]{40}|[A-Za-z0-9+/]{60,}/);
  });

  it('contains no phone number and no message text', () => {
    const log = lines.join('');
    expect(texts).to.have.length.above(5);
    const sent = [
      'Halo dari API',
      'Halo grup',
      'Noted',
      'Invoice #123',
      'Hello assistant!',
      'follow me',
      'AI: ',
    ];
    for (const text of [...texts, ...sent]) expect(log).not.to.include(text);
    for (const number of ['6281111111111', CUSTOMER, '81234567890', '62895619356936', '120363000000000001'])
      expect(log).not.to.include(number);
  });
});
