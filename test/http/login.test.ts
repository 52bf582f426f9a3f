import { expect } from 'chai';
import { type SinonFakeTimers, useFakeTimers } from 'sinon';
import { expectProblem, Harness, type Reply } from '../support/http-harness.ts';

const BROWSER = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

describe('the login, with SESSIONS_TOKEN', () => {
  let http: Harness;
  let clock: SinonFakeTimers | undefined;

  beforeEach(async () => {
    http = await new Harness().start({ SESSIONS_TOKEN: 'letmein', TRUST_PROXY: 1 });
  });
  afterEach(async () => {
    clock?.restore();
    clock = undefined;
    await http.stop();
  });

  /** Fills in the form and sends it. */
  function submit(fields: Record<string, string>, headers: Record<string, string> = BROWSER): Promise<Reply> {
    return http.ask('/login', {
      method: 'POST',
      body: new URLSearchParams(fields).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    });
  }

  /** The login cookie of an answer, as a browser sends it back. */
  function cookieOf(reply: Reply): string {
    return reply.headers.get('set-cookie')!.split(';')[0]!;
  }

  it('redirects browsers to the form, and answers others with 401', async () => {
    for (const path of ['/inspector?agent=bot', '/docs']) {
      const page = await http.ask(path, { headers: BROWSER });
      expect(page.status).to.equal(303);
      expect(page.headers.get('location')).to.equal(`/login?to=${encodeURIComponent(path)}`);
      expectProblem(await http.ask(path), 'UNAUTHORIZED');
    }
    expectProblem(await http.ask('/inspector/api/agents', { headers: BROWSER }), 'UNAUTHORIZED');
  });

  it('shows a form without scripts and external resources', async () => {
    const page = await http.ask('/login?to=%2Finspector%3Fagent%3D%22bot', { headers: BROWSER });
    expect(page.status).to.equal(200);
    expect(page.headers.get('content-security-policy')).to.include("default-src 'none'");
    expect(page.headers.get('cache-control')).to.equal('no-store');
    expect(page.text).to.include('value="/inspector?agent=&quot;bot"');
    expect(page.text).not.to.match(/<script|https?:|\son\w+=| src=/);
  });

  it('sets a cookie for the right token, hidden from scripts and other sites', async () => {
    const reply = await submit({ token: 'letmein', to: '/inspector?agent=bot' });
    expect(reply.status).to.equal(303);
    expect(reply.headers.get('location')).to.equal('/inspector?agent=bot');
    const cookie = reply.headers.get('set-cookie')!;
    expect(cookie).to.match(/^gateway_login=\d+\.[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(cookie).not.to.include('letmein');
    const secure = await submit({ token: 'letmein' }, { ...BROWSER, 'x-forwarded-proto': 'https' });
    expect(secure.headers.get('set-cookie')).to.include('; Secure');
  });

  it('allows reads with the cookie, but no changes', async () => {
    const cookie = cookieOf(await submit({ token: 'letmein' }));
    for (const path of ['/docs', '/sessions', '/sessions/bot', '/inspector/api/agents']) {
      expect((await http.ask(path, { headers: { cookie } })).status, path).to.equal(200);
    }
    for (const [method, path] of [
      ['POST', '/sessions'],
      ['POST', '/sessions/bot/reconnect'],
      ['DELETE', '/sessions/bot'],
    ] as const) {
      expectProblem(await http.ask(path, { method, headers: { cookie } }), 'UNAUTHORIZED');
    }
    expect(http.system.agents.has('bot')).to.equal(true);
  });

  it('shows the inspector that a logout is possible', async () => {
    const cookie = cookieOf(await submit({ token: 'letmein' }));
    const { body } = await http.ask('/inspector/api/agents', { headers: { cookie } });
    expect(body.hasLogin).to.equal(true);
  });

  it('refuses a cookie that is forged, prolonged or of another token', async () => {
    const cookie = cookieOf(await submit({ token: 'letmein' }));
    const [until, proof] = cookie.replace('gateway_login=', '').split('.');
    const prolonged = `gateway_login=${Number(until) + 1}.${proof}`;
    for (const made of [prolonged, `gateway_login=${until}.`, 'gateway_login=', `gateway_login=${until}.x`]) {
      expectProblem(await http.ask('/sessions', { headers: { cookie: made } }), 'UNAUTHORIZED');
    }
    const other = await new Harness().start({ SESSIONS_TOKEN: 'another' });
    expectProblem(await other.ask('/sessions', { headers: { cookie } }), 'UNAUTHORIZED');
    await other.stop();
  });

  it('ends a login after twelve hours', async () => {
    const cookie = cookieOf(await submit({ token: 'letmein' }));
    clock = useFakeTimers({ now: Date.now() + 12 * 3_600_000 - 60_000, toFake: ['Date'] });
    expect((await http.ask('/sessions', { headers: { cookie } })).status).to.equal(200);
    clock.tick(120_000);
    expectProblem(await http.ask('/sessions', { headers: { cookie } }), 'UNAUTHORIZED');
  });

  it('never redirects to another site', async () => {
    for (const to of [
      'https://evil.example',
      '//evil.example',
      '/\\evil.example',
      'javascript:alert(1)',
      '',
    ]) {
      const reply = await submit({ token: 'letmein', to });
      expect(reply.headers.get('location'), to).to.equal('/inspector');
    }
  });

  it('shows the form with an error after a wrong token', async () => {
    const reply = await submit({ token: 'letmei', to: '/docs' });
    expect(reply.status).to.equal(303);
    expect(reply.headers.get('set-cookie')).to.equal(null);
    expect(reply.headers.get('location')).to.equal('/login?fault=wrong&to=%2Fdocs');
    const page = await http.ask(reply.headers.get('location')!, { headers: BROWSER });
    expect(page.text).to.include('role="alert">That is not the token.');
    expectProblem(await submit({ token: 'letmei' }, {}), 'UNAUTHORIZED');
    expectProblem(await submit({}, {}), 'UNAUTHORIZED');
  });

  it('answers 429 to wrong tokens after five from one address, never to the right one', async () => {
    const from = { 'x-forwarded-for': '203.0.113.7' };
    for (let turn = 0; turn < 5; turn += 1) {
      expectProblem(await submit({ token: `guess ${turn}` }, from), 'UNAUTHORIZED');
    }
    const late = await submit({ token: 'guess 6' }, from);
    expectProblem(late, 'RATE_LIMITED');
    expect(Number(late.headers.get('retry-after'))).to.be.within(1, 12);
    const shown = await submit({ token: 'guess 7' }, { ...BROWSER, ...from });
    expect(shown.headers.get('location')).to.include('fault=often');
    expectProblem(await submit({ token: 'guess' }, { 'x-forwarded-for': '203.0.113.8' }), 'UNAUTHORIZED');
    const right = await submit({ token: 'letmein' }, from);
    expect(right.status).to.equal(303);
    expect(right.headers.get('set-cookie')).to.be.a('string');
  });

  it('counts an IPv6 network as one address', async () => {
    for (let turn = 0; turn < 5; turn += 1) {
      await submit({ token: 'guess' }, { 'x-forwarded-for': `2001:db8:1:2::${turn}` });
    }
    const guess = (ip: string) => submit({ token: 'guess' }, { 'x-forwarded-for': ip });
    expectProblem(await guess('2001:db8:1:2:ffff::1'), 'RATE_LIMITED');
    expectProblem(await guess('2001:db8:1:3::1'), 'UNAUTHORIZED');
  });

  it('refuses bodies that are not a form or too large', async () => {
    expectProblem(
      await http.ask('/login', { method: 'POST', json: { token: 'letmein' } }),
      'UNSUPPORTED_MEDIA_TYPE',
    );
    expectProblem(await submit({ token: 'x'.repeat(9_000) }, {}), 'PAYLOAD_TOO_LARGE');
  });

  it('deletes the cookie at logout', async () => {
    const reply = await http.ask('/logout', { method: 'POST' });
    expect(reply.status).to.equal(303);
    expect(reply.headers.get('set-cookie')).to.match(/^gateway_login=; Path=\/; Expires=Thu, 01 Jan 1970/);
  });

  it('redirects at once when no token is configured', async () => {
    const open = await new Harness().start();
    const page = await open.ask('/login?to=/docs', { headers: BROWSER });
    expect(page.headers.get('location')).to.equal('/docs');
    await open.stop();
  });
});
