import { expect } from 'chai';
import type { Browser, Page } from 'playwright-core';
import { startBrowser } from '../support/browser.ts';
import { whenChromium } from '../support/chromium.ts';
import { withDatabase } from '../support/postgres.ts';
import { type Service, startService } from '../support/service.ts';

whenChromium('the API documentation in a browser', (executablePath) => {
  const database = withDatabase();
  let service: Service;
  let browser: Browser;
  let page: Page;
  /** Errors of scripts, of the content policy, and requests to another origin. */
  let misdeeds: string[];

  before(async function () {
    this.timeout(60_000);
    service = await startService(database());
    browser = await startBrowser(executablePath);
  });
  after(async () => {
    await browser?.close();
    await service?.close();
  });

  beforeEach(async function () {
    this.timeout(60_000);
    misdeeds = [];
    page = await browser.newPage();
    page.on('pageerror', (error) => misdeeds.push(String(error)));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) misdeeds.push(message.text());
    });
    page.on('request', (request) => {
      const { origin, protocol } = new URL(request.url());
      const isLocal = origin === service.app.url || ['data:', 'blob:'].includes(protocol);
      if (!isLocal) misdeeds.push(request.url());
    });
    await page.goto(`${service.app.url}/docs`);
    await page.locator('.opblock').first().waitFor();
  });
  afterEach(async () => {
    await page.close();
    expect(misdeeds).to.deep.equal([]);
  });

  /** Opens an operation to try it out. */
  async function tryOut(tag: string, operationId: string) {
    const operation = page.locator(`#operations-${tag}-${operationId}`);
    await operation.locator('.opblock-summary-control').click();
    await operation.getByRole('button', { name: 'Try it out' }).click();
    return operation;
  }

  /** Executes the request; returns status and body of the response. */
  async function execute(operation: ReturnType<Page['locator']>) {
    await operation.getByRole('button', { name: 'Execute' }).click();
    const row = operation.locator('.live-responses-table tr.response');
    await row.locator('.highlight-code').first().waitFor();
    return {
      status: await row.locator('.response-col_status').textContent(),
      body: (await row.locator('.highlight-code code').first().textContent()) ?? '',
    };
  }

  it('shows every operation, with an example for each error code', async () => {
    const shown = await page.locator('.opblock').count();
    const document = await (await fetch(`${service.app.url}/openapi.json`)).json();
    const { paths, webhooks } = document as Record<'paths' | 'webhooks', Record<string, object>>;
    const items = [...Object.values(paths), ...Object.values(webhooks)];
    expect(shown).to.equal(items.flatMap((item) => Object.keys(item)).length);
    await page.locator('#operations-agents-sendMessage .opblock-summary-control').click();
    const codes = page.locator('#operations-agents-sendMessage .response[data-code="502"] .examples-select');
    await codes.locator('option', { hasText: 'EXPIRED' }).waitFor({ state: 'attached' });
  }).timeout(60_000);

  it('tries out an operation on its own service, and shows the response', async () => {
    const health = await execute(await tryOut('service', 'getHealth'));
    expect(health.status).to.include('200');
    expect(JSON.parse(health.body)).to.include({ status: 'ok' });
  }).timeout(60_000);

  it('creates a session, and calls as its agent with the entered key', async () => {
    const created = await execute(await tryOut('sessions', 'createSession'));
    expect(created.status).to.include('201');
    await page.getByRole('button', { name: 'Authorize', exact: true }).click();
    const dialog = page.locator('.dialog-ux .auth-container', { hasText: 'agentKey' });
    await dialog.locator('input').fill('key-of-the-user');
    await dialog.getByRole('button', { name: 'Apply credentials' }).click();
    await page.locator('.dialog-ux .close-modal').click();
    const operation = await tryOut('agents', 'getMessage');
    const inputs = operation.locator('.parameters input');
    await inputs.nth(0).fill('support-bot');
    await inputs.nth(1).fill('no-such-message');
    const unknown = await execute(operation);
    expect(unknown.status).to.include('404');
    expect(unknown.body).to.include('NOT_FOUND');
    // The browser itself logs every response from 400.
    misdeeds = misdeeds.filter((text) => !text.startsWith('Failed to load resource'));
  }).timeout(60_000);
});
