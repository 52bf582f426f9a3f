import { expect } from 'chai';
import { withBrowser } from '../support/browser.ts';
import { whenChromium } from '../support/chromium.ts';
import { InspectorPage } from '../support/inspector-page.ts';
import { createAgent, linkAgent } from '../support/link-agent.ts';
import { faultsOf, overhang } from '../support/page-checks.ts';

whenChromium('the layout of the inspector', (executablePath) => {
  const suite = withBrowser(executablePath);
  let inspector: InspectorPage;

  before(async () => {
    await linkAgent(suite.service, 'linked');
    await linkAgent(suite.service, 'banned');
    const { pn } = suite.service.network.tokens.agents().find(({ agentId }) => agentId === 'banned')!
      .account!;
    suite.service.network.faults.setState(pn, 'TOS_BLOCK');
    await createAgent(suite.service.url, 'waiting');
  });
  afterEach(() => inspector.close());

  for (const [colorScheme, agentId] of [
    ['light', 'waiting'],
    ['dark', 'banned'],
  ] as const) {
    it(`has no serious axe-core finding, contrast included, live and in the past, ${colorScheme}`, async () => {
      inspector = await InspectorPage.open(suite.browser, suite.service.app.url, { agentId, colorScheme });
      await inspector.history.first().waitFor();
      expect(await faultsOf(inspector.page)).to.deep.equal([]);
      await inspector.page.locator('#agent-rows').getByRole('button', { name: 'linked' }).click();
      await inspector.page.locator('#agent-name', { hasText: 'linked' }).waitFor();
      await inspector.history.last().locator('button').click();
      await inspector.button('Back to live').waitFor();
      expect(await faultsOf(inspector.page)).to.deep.equal([]);
    });
  }

  for (const width of [390, 900]) {
    it(`fits on a screen of ${width} px`, async () => {
      inspector = await InspectorPage.open(suite.browser, suite.service.app.url, {
        agentId: 'waiting',
        width,
      });
      await inspector.history.first().waitFor();
      expect(await overhang(inspector.page)).to.equal(0);
      await inspector.history.first().locator('button').click();
      await inspector.button('Back to live').waitFor();
      expect(await overhang(inspector.page)).to.equal(0);
    });
  }

  it('breaks the longest id into two lines, and no short one', async () => {
    await createAgent(suite.service.url, 'b'.repeat(64));
    inspector = await InspectorPage.open(suite.browser, suite.service.app.url, { agentId: 'waiting' });
    const heightOf = async (name: string) =>
      (await inspector.page.locator('#agent-rows').getByRole('button', { name, exact: true }).boundingBox())!
        .height;
    const line = await heightOf('banned');
    expect(line).to.be.below(30);
    expect(await heightOf('b'.repeat(64))).to.be.below(2 * line + 1);
  });

  it('works with the keyboard alone: another agent, a row of the past, and back', async () => {
    inspector = await InspectorPage.open(suite.browser, suite.service.app.url, { agentId: 'linked' });
    await inspector.history.first().waitFor();
    const { page } = inspector;
    /** Presses Tab until this is focused. */
    const tabTo = async (selector: string) => {
      const isThere = () => page.evaluate(`document.activeElement.matches('${selector}')`);
      for (let tabs = 0; !(await isThere()); tabs += 1) {
        expect(tabs, `steps to ${selector}`).to.be.below(60);
        await page.keyboard.press('Tab');
      }
    };
    await tabTo('#agent-rows tr:last-child button');
    await page.keyboard.press('Enter');
    await page.locator('#agent-name', { hasText: 'waiting' }).waitFor();
    expect(page.url()).to.match(/\?agent=waiting$/);
    await tabTo('#history button');
    await page.keyboard.press('Enter');
    await page.locator('#past').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('#past').waitFor({ state: 'hidden' });
  });
});
