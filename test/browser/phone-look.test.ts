import { expect } from 'chai';
import { withBrowser } from '../support/browser.ts';
import { whenChromium } from '../support/chromium.ts';
import { linkAgent } from '../support/link-agent.ts';
import { faultsOf, overhang } from '../support/page-checks.ts';
import { PhonePage } from '../support/phone-page.ts';

whenChromium('the layout of the virtual phone', (executablePath) => {
  const suite = withBrowser(executablePath);
  let phone: PhonePage;

  afterEach(() => phone.close());

  /** Fills both phones with a conversation. */
  async function live(): Promise<void> {
    await phone.write('hello');
    await phone.bubble(phone.customer, 'AI: hello').waitFor();
    await phone.page.getByRole('button', { name: 'Reply to: AI: hello' }).click();
    await phone.write('again');
    await phone.bubble(phone.customer, 'AI: again').waitFor();
  }

  for (const colorScheme of ['light', 'dark'] as const) {
    it(`has no serious axe-core finding from the first step on, ${colorScheme}`, async () => {
      const reset = await fetch(`${suite.service.app.url}/sandbox/reset`, { method: 'POST' });
      expect(reset.status).to.equal(200);
      phone = await PhonePage.open(suite.browser, suite.service.app.url, { colorScheme });
      expect(await faultsOf(phone.page)).to.deep.equal([]);
      await phone.button('Create the agent “Demo”').click();
      await phone.button('Scan the code').waitFor();
      expect(await faultsOf(phone.page)).to.deep.equal([]);
      await phone.button('Scan the code').click();
      await live();
      await phone.agent.locator('.chat-line').first().click();
      await phone.button('Send to +15550000001').click();
      await phone.page.getByRole('textbox', { name: 'Message through the API' }).fill('anyone?');
      await phone.page.keyboard.press('Enter');
      await phone.noticed('RECIPIENT_NOT_ON_WHATSAPP');
      expect(await faultsOf(phone.page)).to.deep.equal([]);
      await phone.button('Status').click();
      await phone.button('+ New agent').click();
      await phone.page.getByRole('dialog').waitFor();
      expect(await faultsOf(phone.page)).to.deep.equal([]);
    });
  }

  for (const width of [1400, 390]) {
    it(`keeps a long name inside its column, ${width} px wide`, async () => {
      const agentId = `a-branch-${'of-a-very-long-chain-'.repeat(2)}${width}`;
      await linkAgent(suite.service, agentId);
      phone = await PhonePage.open(suite.browser, suite.service.app.url, { agentId, width });
      await phone.customer.waitFor();
      expect(await overhang(phone.page)).to.equal(0);
      if (width === 390) await phone.button('Agent').click();
      await phone.agent.waitFor();
      const sticksOut = `[...document.querySelectorAll('#agent > h2 > *')]
        .some((part) => part.getBoundingClientRect().right > document.querySelector('#agent').getBoundingClientRect().right)`;
      expect(await phone.page.evaluate(sticksOut)).to.equal(false);
    });
  }

  it('fits on a screen of 390 px, with one view at a time', async () => {
    await linkAgent(suite.service, 'narrow');
    phone = await PhonePage.open(suite.browser, suite.service.app.url, { agentId: 'narrow', width: 390 });
    await phone.customer.waitFor();
    await live();
    expect(await overhang(phone.page)).to.equal(0);
    expect(await phone.agent.isVisible()).to.equal(false);
    await phone.button('Agent').click();
    await phone.agent.waitFor();
    expect(await overhang(phone.page)).to.equal(0);
    await phone.button('Tools').click();
    await phone.page.locator('#wire').waitFor();
    expect(await phone.customer.isVisible()).to.equal(false);
    expect(await overhang(phone.page)).to.equal(0);
    expect(await faultsOf(phone.page)).to.deep.equal([]);
  });

  it('works with the keyboard alone', async () => {
    await linkAgent(suite.service, 'keys');
    phone = await PhonePage.open(suite.browser, suite.service.app.url, { agentId: 'keys' });
    const field = phone.page.getByRole('textbox', { name: 'Message as the customer' });
    await field.waitFor();
    const isFocused = () => field.evaluate((element) => element === element.ownerDocument.activeElement);
    for (let tabs = 0; !(await isFocused()); tabs += 1) {
      expect(tabs, 'steps to the message field').to.be.below(30);
      await phone.page.keyboard.press('Tab');
    }
    await phone.page.keyboard.type('no mouse');
    await phone.page.keyboard.press('Enter');
    await phone.bubble(phone.customer, 'AI: no mouse').waitFor();
    expect(await isFocused()).to.equal(true);
  });

  it('shows the sandbox banner, and links to the inspector and the API docs', async () => {
    await linkAgent(suite.service, 'linked');
    const page = await fetch(`${suite.service.app.url}/sandbox/phone`);
    expect(page.headers.get('content-security-policy'))
      .to.include("style-src 'self';")
      .and.not.include('unsafe');
    phone = await PhonePage.open(suite.browser, suite.service.app.url, { agentId: 'linked' });
    await phone.page.getByRole('banner').filter({ hasText: 'SANDBOX' }).waitFor();
    const links = phone.page.getByRole('navigation', { name: 'Other pages' }).getByRole('link');
    const hrefs = await links.evaluateAll((all) => all.map((link) => link.getAttribute('href')));
    expect(hrefs).to.deep.equal(['/inspector?agent=linked', '/docs']);
    for (const href of hrefs) expect((await fetch(`${suite.service.app.url}${href}`)).status).to.equal(200);
  });
});
