import axe from 'axe-core';
import { expect } from 'chai';
import type { Browser, Page } from 'playwright-core';
import { startBrowser } from '../support/browser.ts';
import { whenChromium } from '../support/chromium.ts';
import { Harness } from '../support/http-harness.ts';

whenChromium('the login in a browser', (executablePath) => {
  let browser: Browser;
  let http: Harness;
  let page: Page;
  let complaints: string[];

  before(async function () {
    this.timeout(60_000);
    browser = await startBrowser(executablePath);
    http = await new Harness().start({ SESSIONS_TOKEN: 'letmein' });
    http.system.add('bot', 'k', { states: ['connected.healthy'] });
  });
  after(async () => {
    await browser?.close();
    await http?.stop();
  });
  beforeEach(async () => {
    page = await browser.newPage();
    complaints = [];
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
  });
  afterEach(() => page.close());

  it('leads to the requested page, by keyboard alone, and shows what was wrong', async () => {
    await page.goto(`${http.url}/docs`);
    await page.locator('#token:focus').waitFor();
    await page.keyboard.type('wrong');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').waitFor();
    await page.locator('#token:focus').waitFor();
    expect(await page.getByRole('alert').textContent()).to.equal('That is not the token.');
    await page.keyboard.type('letmein');
    await page.keyboard.press('Enter');
    await page.waitForURL(`${http.url}/docs`);
    expect(await page.evaluate('document.cookie')).to.equal('');
    expect(complaints).to.deep.equal([]);
  });

  it('redirects / to the inspector, where one can log out', async () => {
    await page.goto(http.url);
    await page.locator('#token:focus').waitFor();
    await page.keyboard.type('letmein');
    await page.keyboard.press('Enter');
    await page.waitForURL((url) => url.pathname === '/inspector');
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.waitForURL(`${http.url}/login`);
    await page.goto(`${http.url}/inspector`);
    expect(new URL(page.url()).pathname).to.equal('/login');
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    it(`has no serious axe-core finding, ${colorScheme}`, async () => {
      const context = await browser.newContext({ colorScheme, bypassCSP: true });
      const form = await context.newPage();
      await form.goto(`${http.url}/login?fault=wrong`);
      await form.evaluate(axe.source);
      const { violations } = (await form.evaluate('axe.run()')) as axe.AxeResults;
      expect(violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')).to.be.empty;
      await context.close();
    });
  }

  it('shows the chart of a session in its colours after the login', async () => {
    await page.goto(`${http.url}/login?to=/sessions/bot/statechart`);
    await page.fill('#token', 'letmein');
    await page.keyboard.press('Enter');
    await page.waitForURL(`${http.url}/sessions/bot/statechart`);
    const look = async (path: string) => {
      const found = `getComputedStyle(document.querySelector('[data-state="${path}"] > .box'))`;
      return (await page.evaluate(`[${found}.strokeWidth, ${found}.fill]`)) as string[];
    };
    const [live, other] = [await look('connected.healthy'), await look('connected.suspect')];
    expect(live[0]).to.equal('2.5px');
    expect(live[1]).not.to.equal(other[1]);
    expect(complaints.filter((text) => !text.includes('favicon') && !text.includes('404'))).to.be.empty;
  });
});
