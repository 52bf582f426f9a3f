import { expect } from 'chai';
import { callApi } from '../support/api.ts';
import { withBrowser } from '../support/browser.ts';
import { whenChromium } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { BEARER } from '../support/fixtures.ts';
import { InspectorPage, inspected, withAncestors } from '../support/inspector-page.ts';
import { createAgent, linkAgent } from '../support/link-agent.ts';
import { replay } from '../support/replay.ts';

whenChromium('the inspector', (executablePath) => {
  // A small bucket, so that messages wait in the mailbox.
  const suite = withBrowser(executablePath, { SEND_BURST: '3' });
  let inspector: InspectorPage;

  afterEach(() => inspector.close());

  /** Opens the page on a linked agent of this name. */
  async function onLinked(agentId: string): Promise<void> {
    await linkAgent(suite.service, agentId);
    inspector = await InspectorPage.open(suite.browser, suite.service.app.url, { agentId });
    await inspector.history.first().waitFor();
  }

  /** The number that an agent is linked to. */
  function numberOf(agentId: string): string {
    return suite.service.network.tokens.agents().find((agent) => agent.agentId === agentId)!.account!.pn;
  }

  /** Sends a text through the API. */
  async function send(agentId: string, headers: Record<string, string> = {}): Promise<void> {
    const answer = await fetch(`${suite.service.app.url}/agents/${agentId}/messages`, {
      method: 'POST',
      headers: { ...BEARER, 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify({ to: '+15550000000', message: 'hello' }),
    });
    expect(answer.status).to.be.oneOf([200, 202]);
  }

  /** Drops and restores the agent's socket: two transitions. */
  async function flap(agentId: string): Promise<void> {
    for (const [state, path] of [
      ['OPENING', 'connected.suspect'],
      ['CONNECTED', 'connected.healthy'],
    ] as const) {
      suite.service.network.faults.setState(numberOf(agentId), state);
      await eventually(path, () => suite.service.app.system.describe(agentId).states.includes(path));
    }
  }

  /** Waits until the page shows the newest record that the service has. */
  async function upToDate(agentId: string): Promise<void> {
    await eventually('the page to show the newest record', async () => {
      const newest = (await inspected(suite.service, agentId)).history.at(-1)!.seq;
      return (await inspector.rows('data-seq'))[0] === String(newest);
    });
  }

  it('highlights the active states and their ancestors within a second of a scan', async () => {
    await createAgent(suite.service.url, 'lit');
    inspector = await InspectorPage.open(suite.browser, suite.service.app.url, { agentId: 'lit' });
    await inspector.page.locator('[data-state="awaiting_qr.scanning"].active').waitFor();
    expect(await inspector.lit('agent', 'active')).to.deep.equal(['awaiting_qr', 'awaiting_qr.scanning']);
    const litAt = inspector.page.evaluate(`new Promise((resolve) => {
      const state = document.querySelector('[data-state="connected.healthy"]');
      new MutationObserver(() => state.classList.contains('active') && resolve(Date.now()))
        .observe(state, { attributes: true });
    })`);
    suite.service.network.scan(suite.service.app.system.qr('lit').code, '628110000001');
    const at = Number(await litAt);
    const { history, states } = await inspected(suite.service, 'lit');
    const ready = history.find(({ event }) => event === 'client.ready');
    expect(at - (ready!.at - suite.service.network.clock.advancedMs)).to.be.below(1_000);
    expect(await inspector.lit('agent', 'active')).to.deep.equal(withAncestors(states));
  });

  it('keeps every element of the charts over thirty transitions, and marks only the newest one', async () => {
    await onLinked('steady');
    await inspector.page.evaluate(`{
      window.replaced = 0;
      const count = (changes) => { window.replaced += changes.length; };
      for (const pane of document.querySelectorAll('.pane'))
        new MutationObserver(count).observe(pane, { childList: true, subtree: true, characterData: true });
    }`);
    const before = (await inspected(suite.service, 'steady')).history.at(-1)!.seq;
    for (let count = 0; count < 15; count += 1) await flap('steady');
    await eventually('thirty transitions', async () => {
      const { history } = await inspected(suite.service, 'steady');
      return history.at(-1)!.seq >= before + 30;
    });
    await upToDate('steady');
    expect(await inspector.page.evaluate('window.replaced')).to.equal(0);
    for (const machine of ['agent', 'supervisor'] as const) {
      const { history } = await inspected(suite.service, 'steady');
      const newest = history.findLast((record) => record.machine === machine && record.edges.length > 0);
      await eventually(`the newest of the ${machine} to be marked`, async () => {
        const [row] = await inspector.page
          .locator(`#history tr[data-machine="${machine}"][data-newest]`)
          .evaluateAll((rows) => rows.map((one) => one.dataset.edges));
        const taken = await inspector.lit(machine, 'taken');
        return taken.length === 1 && taken[0] === row && row === newest!.edges.join(' | ');
      });
    }
  });

  it('shows what can happen next as the service computes it, in the list and on the charts', async () => {
    await onLinked('next');
    const { next } = await inspected(suite.service, 'next');
    for (const machine of ['agent', 'supervisor'] as const) {
      const edges = next[machine].map(({ edge }) => edge).sort();
      const listed = await inspector.page
        .locator(`#next li[data-machine="${machine}"]`)
        .evaluateAll((all) => all.map((item) => item.dataset.next ?? '').sort());
      expect(listed).to.deep.equal(edges);
      expect(await inspector.lit(machine, 'next')).to.deep.equal([...new Set(edges)]);
    }
  });

  it('shows the history from before it was opened, newest first, with time, event, from, to and time spent', async () => {
    await onLinked('past');
    await upToDate('past');
    const { history } = await inspected(suite.service, 'past');
    const seqs = history.map(({ seq }) => String(seq)).reverse();
    expect(await inspector.rows('data-seq')).to.deep.equal(seqs);
    const ready = history.find(({ event }) => event === 'client.ready')!;
    const row = inspector.page.locator(`#history tr[data-seq="${ready.seq}"]`);
    const cells = await row.locator('td').allTextContents();
    expect(cells[0]).to.match(/^\d\d:\d\d:\d\d\.\d{3}$/);
    expect(cells[0]!.endsWith(String(ready.at % 1_000).padStart(3, '0'))).to.equal(true);
    expect(cells[1]).to.include('client.ready');
    expect(cells[2]).to.match(/^awaiting_qr\.\w+ → connected\.healthy$/);
    expect(cells[3]).to.match(/ (ms|s)$/);
  });

  it('strikes ignored events through and labels them', async () => {
    await onLinked('deaf');
    suite.service.network.faults.setState(numberOf('deaf'), 'OPENING');
    suite.service.network.faults.setState(numberOf('deaf'), 'PAIRING');
    await eventually('an ignored event', async () =>
      (await inspected(suite.service, 'deaf')).history.some(({ ignored }) => ignored),
    );
    const row = inspector.page.locator('#history tr[data-ignored]').first();
    await row.getByText('ignored', { exact: true }).waitFor();
    const line = await row
      .locator('s')
      .first()
      .evaluate((text) => text.ownerDocument.defaultView!.getComputedStyle(text).textDecorationLine);
    expect(line).to.equal('line-through');
  });

  it('filters the history by included or excluded text', async () => {
    await onLinked('filtered');
    await inspector.page.getByRole('searchbox', { name: 'Filter history' }).fill('client.ready');
    await eventually('one row to stay', async () => (await inspector.history.count()) === 1);
    expect(await inspector.history.first().textContent()).to.include('client.ready');
    await inspector.page.getByRole('searchbox', { name: 'Filter history' }).fill('-client');
    await eventually('others to come', async () => (await inspector.history.count()) > 1);
    for (const row of await inspector.history.allTextContents()) expect(row).not.to.include('client');
  });

  it('holds back and counts rows while paused, and shows them afterwards', async () => {
    await onLinked('paused');
    await upToDate('paused');
    const before = await inspector.rows('data-seq');
    await inspector.button('Pause').click();
    await flap('paused');
    const resume = inspector.page.locator('#pause', { hasText: /^Resume \(([2-9]|\d\d+) held back\)$/ });
    await resume.waitFor();
    expect(await inspector.rows('data-seq')).to.deep.equal(before);
    await resume.click();
    await upToDate('paused');
    expect(await inspector.history.count()).to.be.above(before.length);
  });

  it('shows the mailbox fill and drain, and the tokens go', async () => {
    await onLinked('moving');
    const depth = inspector.page.locator('#depth');
    const tokens = Number(await inspector.page.locator('#tokens').textContent());
    for (let sent = 0; sent < 7; sent += 1) await send('moving', { Prefer: 'respond-async' });
    await inspector.page.locator('#depth', { hasText: /^[1-9]/ }).waitFor();
    await inspector.page.locator('#depth', { hasText: /^0$/ }).waitFor();
    expect(await depth.textContent()).to.equal('0');
    expect(Number(await inspector.page.locator('#tokens').textContent())).to.be.below(tokens);
  });

  it('shows which chats are being answered and what each waits for, as that changes', async () => {
    await onLinked('answering');
    const set = (changes: object) =>
      callApi(suite.service.url, 'PATCH', '/agents/answering/settings', changes, BEARER);
    const write = (from: string, text: string) =>
      suite.service.network.write(from, { to: numberOf('answering'), text });
    const chats = inspector.page.locator('#turn-list li');
    let answer: (() => void) | undefined;
    suite.service.ai.behave = () =>
      new Promise((resolve) => {
        answer = () => resolve({ body: { reply: 'done' } });
      });
    await set({ debounceMs: 60_000, debounceMaxMs: 60_000 });
    write('6281234567890', 'hello');
    write('6281234567890', 'are you there?');
    await chats.filter({ hasText: /^•••890@c\.us2 messageswaits for more messages · \d+ s left$/ }).waitFor();
    await inspector.page.locator('#settings', { hasText: 'waits 60 s for more' }).waitFor();
    await set({ debounceMs: 0 });
    write('6281234567890', 'hello?');
    await chats.filter({ hasText: /^•••890@c\.us3 messagesthe AI is asked/ }).waitFor();
    await eventually('the AI to be asked', () => answer !== undefined);
    answer?.();
    await inspector.page.getByText('None now.').waitFor();
    suite.service.ai.behave = ({ body }) => ({ body: { reply: `AI: ${body.message}` } });
  });

  it('shows the current QR, the next one when it is replaced, and none once connected', async () => {
    await createAgent(suite.service.url, 'coded');
    inspector = await InspectorPage.open(suite.browser, suite.service.app.url, { agentId: 'coded' });
    const { system } = suite.service.app;
    await eventually('the QR', async () => (await inspector.scanned()) === system.qr('coded').code);
    expect(await inspector.page.locator('#qr-left').textContent()).to.match(/within \d+ s\.$/);
    const first = system.qr('coded').code;
    await suite.service.network.clock.advance(25_000);
    await eventually('another code', () => system.qr('coded').code !== first);
    await eventually('the next QR', async () => (await inspector.scanned()) === system.qr('coded').code);
    suite.service.network.scan(system.qr('coded').code, '628110000002');
    await inspector.page.locator('#qr').waitFor({ state: 'hidden' });
    await inspector.page.locator('#agent-state', { hasText: 'connected' }).waitFor();
    expect(await inspector.page.locator('#qr-image').getAttribute('src')).to.equal(null);
  });

  it('explains why an agent is down, and counts down to the next start', async () => {
    await onLinked('blocked');
    suite.service.network.faults.setState(numberOf('blocked'), 'PROXYBLOCK');
    const countdown = inspector.page.locator('#countdown', { hasText: /^Next start in / });
    await countdown.waitFor();
    await inspector.page.getByText('WhatsApp refuses connections from this network. (PROXYBLOCK)').waitFor();
    const begun = await countdown.textContent();
    await eventually('the countdown to go on', async () => (await countdown.textContent()) !== begun);
    expect(await inspector.lit('supervisor', 'active')).to.include('alive.backing_off');
  });

  it('shows the states before and after a row of the history under a banner, and returns to live', async () => {
    await onLinked('travelled');
    const { history, states } = await inspected(suite.service, 'travelled');
    const ready = history.find(({ event }) => event === 'client.ready')!;
    const row = inspector.page.locator(`#history tr[data-seq="${ready.seq}"]`);
    const { y } = (await row.boundingBox())!;
    await row.locator('button').click();
    const banner = inspector.page.locator('#past', { hasText: 'Viewing the past' });
    await banner.waitFor();
    expect(await inspector.lit('agent', 'active')).to.deep.equal(withAncestors(ready.to));
    expect(await inspector.lit('agent', 'taken')).to.deep.equal(ready.edges);
    expect((await row.boundingBox())!.y, 'the row stays where it was').to.be.closeTo(y, 1);
    await inspector.button('Before').click();
    expect(await inspector.lit('agent', 'active')).to.deep.equal(withAncestors(ready.from));
    expect(await inspector.lit('agent', 'next')).to.deep.equal([]);
    await inspector.button('Back to live').click();
    await banner.waitFor({ state: 'hidden' });
    expect(await inspector.lit('agent', 'active')).to.deep.equal(withAncestors(states));
  });

  it('copies the history as JSON that can be replayed', async () => {
    await onLinked('copied');
    await upToDate('copied');
    await inspector.button('Copy as JSON').click();
    await inspector.page.locator('#copied', { hasText: 'records copied' }).waitFor();
    const recording = JSON.parse(String(await inspector.page.evaluate('navigator.clipboard.readText()')));
    const { history } = await inspected(suite.service, 'copied');
    expect(recording).to.deep.equal({ agentId: 'copied', records: history });
    expect(replay(recording).divergence).to.equal(null);
  });
});
