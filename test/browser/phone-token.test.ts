import { expect } from 'chai';
import { withBrowser } from '../support/browser.ts';
import { whenChromium } from '../support/chromium.ts';
import { PhonePage } from '../support/phone-page.ts';

const TOKEN = 'a-token-of-some-length-for-the-tests-0123456789';

whenChromium('the virtual phone while SESSIONS_TOKEN is set', (executablePath) => {
  const suite = withBrowser(executablePath, { SESSIONS_TOKEN: TOKEN });

  it('requires a login to view and the token to act, and does not show the token', async () => {
    const phone = await PhonePage.open(suite.browser, suite.service.app.url, { token: TOKEN });
    await phone.button('Create the agent “Demo”').click();
    await phone.page.getByLabel('SESSIONS_TOKEN').fill(TOKEN);
    await phone.button('Continue').click();
    await phone.button('Scan the code').click();
    await phone.write('safe?');
    await phone.bubble(phone.customer, 'AI: safe?').waitFor();
    expect(await phone.curl('Scan the code')).to.include('Bearer $SESSIONS_TOKEN');
    expect(await phone.page.content()).not.to.include(TOKEN);

    await phone.page.context().clearCookies();
    await phone.page.reload();
    await phone.page.waitForURL('**/login?**');
    await phone.close();
  });
});
