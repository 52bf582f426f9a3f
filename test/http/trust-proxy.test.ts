import { expect } from 'chai';
import { ConfigError, readConfig } from '../../src/infra/config.ts';
import { eventually } from '../support/eventually.ts';
import { Harness } from '../support/http-harness.ts';

describe('TRUST_PROXY', () => {
  const cases: [string, number | string[]][] = [
    ['', []],
    ['0', 0],
    ['1', 1],
    ['10.0.0.5', ['10.0.0.5']],
    ['loopback, 10.0.0.0/8, fd00::/8', ['loopback', '10.0.0.0/8', 'fd00::/8']],
  ];
  for (const [text, value] of cases) {
    it(`accepts '${text}'`, () => {
      expect(readConfig({ TRUST_PROXY: text }).TRUST_PROXY).to.deep.equal(value);
    });
  }

  for (const text of ['true', '*', 'nginx', '10.0.0.0/33', '10.0.0', '1, proxy.example', '-1']) {
    it(`refuses '${text}'`, () => {
      expect(() => readConfig({ TRUST_PROXY: text })).to.throw(
        ConfigError,
        'TRUST_PROXY: must be a number of proxies',
      );
    });
  }
});

describe('behind a proxy', () => {
  let harness: Harness;
  afterEach(() => harness.stop());

  /** The logged client address of a request with a forged and a real part. */
  async function loggedAddress(trusted?: number | string[]): Promise<unknown> {
    harness = await new Harness().start(trusted === undefined ? {} : { TRUST_PROXY: trusted });
    await harness.ask('/health', { headers: { 'X-Forwarded-For': '6.6.6.6, 203.0.113.9' } });
    const line = await eventually('the log line', () =>
      harness.log.find(({ event }) => event === 'http.request'),
    );
    return line.ip;
  }

  it('logs the address that the proxy saw with one proxy', async () => {
    expect(await loggedAddress(1)).to.equal('203.0.113.9');
  });

  it('logs the address that the proxy saw when the proxy is named', async () => {
    expect(await loggedAddress(['loopback'])).to.equal('203.0.113.9');
  });

  it('trusts no proxy by default: the address is that of the connection', async () => {
    expect(await loggedAddress()).to.equal('127.0.0.1');
  });

  it('never takes the host from X-Forwarded-Host, whose page is another site', async () => {
    harness = await new Harness().start({ TRUST_PROXY: 1 });
    const headers = { origin: 'https://evil.example', 'X-Forwarded-Host': 'evil.example' };
    const reply = await harness.ask('/sessions/bot/reconnect', { method: 'POST', headers });
    expect(reply.status).to.equal(400);
    expect(reply.body.error.details).to.deep.equal([{ path: 'Origin', message: 'is another site' }]);
  });

  it('does not trust an unnamed proxy', async () => {
    expect(await loggedAddress(['10.0.0.0/8'])).to.equal('127.0.0.1');
  });
});
