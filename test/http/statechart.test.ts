import { expect } from 'chai';
import { Harness } from '../support/http-harness.ts';

describe('GET /sessions/{agentId}/statechart', () => {
  let http: Harness;
  beforeEach(async () => {
    http = await new Harness().start();
    http.system.add('bot', 'k', { states: ['connected.healthy'] });
    const edge = 'connected.healthy → connected.probing';
    http.system.nextOfAgent = [{ event: 'probe.due', label: 'probe.due', edge }];
  });
  afterEach(() => http.stop());

  /** The values of an attribute on all groups with a class. */
  function withClass(svg: string, className: string, name: string): string[] {
    return [...svg.matchAll(/class="([^"]*)" data-(\w+)="([^"]*)"/g)]
      .filter(([, classes, kind]) => classes!.split(' ').includes(className) && kind === name)
      .map(([, , , value]) => value!);
  }

  it('highlights the active states with their parents, and the next transitions', async () => {
    const reply = await http.ask('/sessions/bot/statechart');
    expect(reply.status).to.equal(200);
    expect(reply.headers.get('content-type')).to.equal('image/svg+xml; charset=utf-8');
    expect(reply.headers.get('cache-control')).to.equal('no-store');
    expect(withClass(reply.text, 'active', 'state').sort()).to.deep.equal(['connected', 'connected.healthy']);
    expect(withClass(reply.text, 'next', 'edge')).to.deep.equal(['connected.healthy → connected.probing']);
    expect(reply.text).to.include(`data-hash="${http.system.charts.agent.hash}"`);
  });

  it('is a standalone image with its own colours, without external resources or scripts', async () => {
    const reply = await http.ask('/sessions/bot/statechart');
    expect(reply.text).to.match(/<style>[\s\S]*--live:[\s\S]*\.chart \.active/);
    expect(reply.text).not.to.match(/<script|href=|url\(|@import/);
    expect(reply.headers.get('content-security-policy')).to.equal(
      "default-src 'none';style-src 'unsafe-inline';frame-ancestors 'none'",
    );
  });

  it('draws the supervisor on request', async () => {
    const reply = await http.ask('/sessions/bot/statechart?machine=supervisor');
    expect(withClass(reply.text, 'active', 'state')).to.include('alive.running.steady');
    const other = await http.ask('/sessions/bot/statechart?machine=mailbox');
    expect(other.body.error.code).to.equal('INVALID_PAYLOAD');
  });

  it('is Mermaid text with the active states marked, by Accept', async () => {
    for (const accept of ['text/plain', 'text/vnd.mermaid']) {
      const reply = await http.ask('/sessions/bot/statechart', { headers: { accept } });
      expect(reply.headers.get('content-type')).to.equal(`${accept}; charset=utf-8`);
      expect(reply.text).to.match(/^stateDiagram-v2\n/);
      expect(reply.text).to.include('class connected__healthy live');
    }
  });

  it('answers 404 for an unknown agent', async () => {
    expect((await http.ask('/sessions/unknown/statechart')).body.error.code).to.equal('SESSION_NOT_FOUND');
  });
});
