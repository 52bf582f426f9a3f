import { expect } from 'chai';
import type { Browser, Page } from 'playwright-core';
import { startBrowser } from '../support/browser.ts';
import { whenChromium } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { InspectorPage } from '../support/inspector-page.ts';
import { createAgent, linkAgent } from '../support/link-agent.ts';
import { faultsOf } from '../support/page-checks.ts';
import { withDatabase } from '../support/postgres.ts';
import { type Service, startService } from '../support/service.ts';

const JSON_TYPE = { 'Content-Type': 'application/json' };

whenChromium('the inspector and its connection to the service', (executablePath) => {
  const database = withDatabase();
  let env: Record<string, string>;
  let service: Service;
  let browser: Browser;
  let inspector: InspectorPage;

  before(async () => {
    env = { PORT: String(await freePort()) };
    [service, browser] = await Promise.all([startService(database(), { env }), startBrowser(executablePath)]);
  });
  after(async () => {
    await browser?.close();
    await service?.close();
  });
  afterEach(() => inspector.close());

  /** Opens the page. */
  async function open(agentId?: string, prepare?: (page: Page) => Promise<unknown>): Promise<void> {
    inspector = await InspectorPage.open(browser, service.app.url, { agentId, prepare });
  }

  it('shows how to create the first agent, and the agent once it exists', async () => {
    await open();
    const command = await inspector.page.locator('#first-curl').textContent();
    expect(command).to.include(`curl ${service.app.url}/sessions`);
    expect(await faultsOf(inspector.page)).to.deep.equal([]);
    await inspector.button('Copy the command').click();
    await inspector.button('Copied').waitFor();
    expect(await inspector.page.evaluate('navigator.clipboard.readText()')).to.equal(command);
    await createAgent(service.url, 'demo');
    await inspector.page.locator('#agent-name', { hasText: 'demo' }).waitFor();
    await inspector.page.locator('#empty').waitFor({ state: 'hidden' });
    await inspector.page.locator('#sandbox', { hasText: 'SANDBOX' }).waitFor();
  });

  it('reports that the agent was deleted or does not exist', async () => {
    await createAgent(service.url, 'short-lived');
    await open('short-lived');
    await inspector.page.locator('#agent-name', { hasText: 'short-lived' }).waitFor();
    await fetch(`${service.app.url}/sessions/short-lived`, { method: 'DELETE' });
    await inspector.page.getByText('The agent “short-lived” was deleted.').waitFor();
    expect(await inspector.page.locator('#charts').isVisible()).to.equal(false);
    await inspector.page.reload();
    await inspector.page.getByText('There is no agent “short-lived”').waitFor();
  });

  it('reports a stale chart when the running machine is not the drawn one', async () => {
    await open('demo');
    expect(await inspector.page.locator('#stale').isVisible()).to.equal(false);
    await inspector.close();
    await open('demo', (page) =>
      page.route('**/inspector/api/agents', async (route) => {
        const response = await route.fetch();
        const body = (await response.json()) as { charts: Record<string, string> };
        await route.fulfill({ response, json: { ...body, charts: { ...body.charts, agent: 'another' } } });
      }),
    );
    await inspector.page
      .getByRole('alert')
      .filter({ hasText: 'The chart of the session is stale' })
      .waitFor();
  });

  it('shows that it is reconnecting while the service is down, and reconnects without a reload, with 200 agents', async () => {
    await linkAgent(service, 'kept');
    await open('kept');
    // After the restart the service has a clock that was not advanced.
    const hour = { method: 'POST', headers: JSON_TYPE, body: '{"advanceMs": 3600000}' };
    expect((await fetch(`${service.app.url}/sandbox/clock`, hour)).status).to.equal(200);
    const { pn } = service.network.tokens.agents().find(({ agentId }) => agentId === 'kept')!.account!;
    service.network.faults.setState(pn, 'OPENING');
    await inspector.page.locator('#since', { hasText: '1 h' }).waitFor();
    await inspector.page.evaluate('window.mark = true');
    // Measured in the page, so that the load of this process doesn't count.
    await inspector.page.evaluate(`{
      const shown = document.querySelector('#connection');
      window.shownAt = {};
      new MutationObserver(() => { window.shownAt[shown.dataset.state] = Date.now(); })
        .observe(shown, { attributes: true });
    }`);
    const columns = 'user_id, agent_id, agent_name, api_key, status';
    await service.pool.query(
      `insert into whatsapp_user (${columns})
       select 1, 'fleet-' || n, 'Fleet ' || n, 'key', 'disconnected' from generate_series(1, 198) n`,
    );
    await service.close();
    const goneAt = Date.now();
    await inspector.connection('reconnecting');
    const shownAt = (state: string) => inspector.page.evaluate(`window.shownAt['${state}']`).then(Number);
    expect((await shownAt('reconnecting')) - goneAt).to.be.below(2_000);
    expect(await inspector.page.locator('#connection').textContent()).to.include('last known state');

    service = await startService(database(), { env });
    const backAt = Date.now();
    await inspector.connection('live');
    expect((await shownAt('live')) - backAt).to.be.below(3_000);
    expect(await inspector.page.evaluate('window.mark')).to.equal(true);
    await inspector.page.locator('#agent-state', { hasText: 'disconnected' }).waitFor();
    await inspector.page.locator('#agent-count', { hasText: '200 agents' }).waitFor();
    expect(
      await inspector.page.locator('#since').textContent(),
      'the times are those after the restart',
    ).to.match(/ m?s$/);
  });

  it('filters and sorts 200 agents, and changes a row without replacing the others', async () => {
    await open('demo');
    const rows = inspector.page.locator('#agent-rows tr');
    await eventually('200 rows', async () => (await rows.count()) === 200);
    await inspector.page.evaluate(`{
      window.replaced = 0;
      new MutationObserver((changes) => { window.replaced += changes.length; })
        .observe(document.querySelector('#agent-rows'), { childList: true });
    }`);
    await createAgent(service.url, 'fleet-7');
    const row = rows.filter({ has: inspector.page.getByText('fleet-7', { exact: true }) });
    await row.locator('[data-status="awaiting_qr"]').waitFor();
    expect(await inspector.page.evaluate('window.replaced')).to.equal(0);

    await inspector.page.getByRole('searchbox', { name: 'Filter agents' }).fill('fleet-19');
    await eventually('ten rows', async () => (await rows.count()) === 10);
    await inspector.button('Agent').click();
    await eventually('the other order', async () =>
      (await rows.first().textContent())?.startsWith('fleet-198'),
    );
    await inspector.page.getByRole('searchbox', { name: 'Filter agents' }).fill('');
    await inspector.page.getByRole('combobox', { name: 'Filter by state' }).selectOption('awaiting_qr');
    await eventually('one row', async () => (await rows.count()) === 1);
  });
});
