import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import sinon from 'sinon';
import { dashboard } from '../../scripts/dashboard.ts';
import { SandboxDriver } from '../../src/sandbox/driver/sandbox-driver.ts';
import { callApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { BEARER, BOT, CUSTOMER } from '../support/fixtures.ts';
import { linkAgent } from '../support/link-agent.ts';
import { HEADS } from '../support/media-files.ts';
import { withDatabase } from '../support/postgres.ts';
import { Prometheus } from '../support/prometheus.ts';
import { type Service, startService } from '../support/service.ts';
import { SttServer } from '../support/stt-server.ts';
import { findProgram, whereFound } from '../support/where-found.ts';

interface Panel {
  id: number;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: { expr: string }[];
}

const panels = dashboard().panels as Panel[];
const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
const ALERTS = fileURLToPath(new URL('../../docs/alerts.yaml', import.meta.url));

describe('the dashboard', () => {
  it('is in docs/ as its script generates it', async () => {
    const written = await readFile(new URL('../../docs/grafana-dashboard.json', import.meta.url), 'utf8');
    expect(written).to.equal(`${JSON.stringify(dashboard(), null, 2)}\n`);
  });

  it('shows every metric of the service', async () => {
    const page = await readFile(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
    const names = [...page.matchAll(/^\| `((?:wa|http)_\w+)` \|/gm)].map(([, name]) => name!);
    const shown = new Set(expressions.flatMap((expr) => expr.match(/\b(?:wa|http)_\w+/g) ?? []));
    const isShown = (name: string) => [name, `${name}_bucket`, `${name}_count`].some((one) => shown.has(one));
    expect(names.filter((name) => !isShown(name))).to.deep.equal([]);
  });

  it('has panels with unique ids that do not overlap', () => {
    expect(new Set(panels.map(({ id }) => id)).size).to.equal(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)} ${y + Math.floor(cell / w)}`),
    );
    expect(new Set(cells).size).to.equal(cells.length);
    expect(Math.max(...panels.map(({ gridPos: { x, w } }) => x + w))).to.equal(24);
  });

  const missing = 'no prometheus found (Debian package: prometheus)';
  whereFound('in a real Prometheus', findProgram('prometheus'), missing, registerScrapes);
});

/** Registers the tests that scrape the sandbox under traffic. */
function registerScrapes(this: Mocha.Suite, path: string): void {
  this.timeout(120_000);
  const database = withDatabase();
  let service: Service;
  let prometheus: Prometheus;
  let stt: SttServer;

  before(async () => {
    // The sandbox has no browsers to measure.
    sinon.stub(SandboxDriver.prototype, 'memory').resolves(new Map([['shop', 200_000_000]]));
    stt = await new SttServer().open();
    service = await startService(database(), { env: { AI_INBOUND_TYPES: 'text,audio', STT_URL: stt.url } });
    prometheus = await Prometheus.start({ path, target: new URL(service.app.url).host, rules: [ALERTS] });
  });
  after(async () => {
    await prometheus?.stop();
    await service?.close();
    await stt?.close();
    sinon.restore();
  });

  const call = (method: string, target: string, body?: unknown, headers = {}) =>
    callApi(service.app.url, method, target, body, { ...BEARER, ...headers });

  let round = 0;
  /** Traffic of all kinds: sends that succeed and fail, a repeated one, and a customer who is answered and speaks. */
  async function traffic(): Promise<void> {
    round += 1;
    const send = { to: CUSTOMER, message: `round ${round}` };
    const key = { 'idempotency-key': `key-${round}` };
    await call('POST', '/agents/shop/messages', send, key);
    await call('POST', '/agents/shop/messages', send, key);
    await call('POST', '/agents/shop/messages', { ...send, to: '+15550000001' });
    await call('POST', '/agents/shop/run', { message: 'hello', sessionId: CUSTOMER });
    service.network.write(CUSTOMER, { to: BOT, text: `question ${round}` });
    const mimetype = 'audio/ogg; codecs=opus';
    const voice = { type: 'ptt', mimetype, seconds: 1, data: HEADS[mimetype] } as const;
    service.network.write(CUSTOMER, { to: BOT, text: '', file: voice });
  }

  it('has data for every expression when the sandbox has traffic', async () => {
    await linkAgent(service, 'shop', BOT);
    await call('POST', '/agents/shop/webhooks', { url: 'https://webhooks.invalid/', events: ['*'] });
    let empty = expressions;
    await eventually(
      'data',
      async () => {
        await traffic();
        const asked = empty.map((expr) =>
          prometheus.values(expr.replaceAll('$__rate_interval', '1m').replaceAll('$agent', '.*')),
        );
        const found = await Promise.all(asked);
        empty = empty.filter((_, index) => found[index]!.length === 0);
        return empty.length === 0;
      },
      60_000,
    ).catch(() => undefined);
    expect(expressions).to.have.length.above(40);
    expect(empty).to.deep.equal([]);
  });

  it('evaluates every alert rule, and none fires for a healthy service', async () => {
    const rules = await eventually('the rules to be evaluated', async () => {
      const all = await prometheus.rules();
      return all.every(({ health }) => health !== 'unknown') && all;
    });
    expect(rules).to.have.length(12);
    for (const { name, health, state } of rules) {
      expect(health, name).to.equal('ok');
      expect(state, name).not.to.equal('firing');
    }
  });
}
