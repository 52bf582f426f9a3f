import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'chai';
import type { Browser } from 'playwright-core';
import { startBrowser } from '../support/browser.ts';
import { whenChromium } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { linkAgent } from '../support/link-agent.ts';
import { OTHER_KEY, PhonePage } from '../support/phone-page.ts';
import { withDatabase } from '../support/postgres.ts';
import { type Service, startService } from '../support/service.ts';

/** Runs a command in a shell; returns its output. */
async function paste(command: string): Promise<string> {
  const { stdout } = await promisify(execFile)('sh', ['-c', `${command} --silent --fail --max-time 30`]);
  return stdout;
}

whenChromium('the faults of the virtual phone', (executablePath) => {
  const database = withDatabase();
  let service: Service;
  let browser: Browser;
  let phone: PhonePage;
  let port: number;

  /** Starts the service, always on the same port. */
  async function start(): Promise<void> {
    service = await startService(database(), { env: { PORT: String(port) } });
  }
  before(async () => {
    port = await freePort();
    await start();
    browser = await startBrowser(executablePath);
  });
  after(async () => {
    await browser?.close();
    await service?.close();
  });
  afterEach(() => phone.close());

  /** Opens the page on a linked agent of this name. */
  async function withAgent(agentId: string, apikey?: string): Promise<void> {
    await linkAgent(service, agentId, undefined, apikey === undefined ? {} : { apikey });
    phone = await PhonePage.open(browser, service.app.url, { agentId });
  }

  /** A select of the network panel. */
  const choice = (name: string) => phone.page.getByRole('combobox', { name, exact: true });

  /** Sends to a number with fixed behaviour through the API, from the page. */
  async function sendTo(number: string, text: string): Promise<void> {
    await phone.button(`Send to ${number}`).click();
    await phone.page.getByRole('textbox', { name: 'Message through the API' }).fill(text);
    await phone.page.keyboard.press('Enter');
  }

  it('drops and restores the connection: messages from the meantime are answered then', async () => {
    await withAgent('dropper');
    await phone.button('Drop').click();
    await phone.page.locator('.line-state', { hasText: 'Offline' }).waitFor();
    await phone.agent.getByRole('img', { name: 'no connection' }).waitFor();
    await phone.write('are you there?');
    await phone.ticked(phone.customer, 'are you there?', 'delivered');
    expect(await phone.bubble(phone.customer, 'AI: are').count()).to.equal(0);
    await phone.button('Bring back').click();
    await phone.bubble(phone.customer, 'AI: are you there?').waitFor();
    await phone.page.locator('.line-state', { hasText: 'Online' }).waitFor();
  });

  it('adds latency and failing sends, freezes and crashes the client, and shows the current faults', async () => {
    await withAgent('sufferer');
    const line = (words: string) => phone.page.locator('.line-state', { hasText: words }).waitFor();
    await phone.page.getByLabel('Latency').fill('50');
    await line('Online, 50 ms slower');
    await phone.page.getByLabel('Sends that fail').fill('100');
    await line('100 % of sends fail');
    await phone.write('will this fail?');
    await phone.agent.locator('.chat-line').first().click();
    await phone.ticked(phone.agent, 'AI: will this fail?', 'refused by WhatsApp');
    await phone.button('Freeze').click();
    await line('frozen');
    await phone.button('Thaw').click();
    await phone.button('Bring back').click();
    await phone.page.locator('.line-state', { hasText: /^Online$/ }).waitFor();
    await phone.button('Crash').click();
    await eventually('the agent to reconnect by itself', () => {
      const { supervisor, status } = service.app.system.describe('sufferer');
      return supervisor.restarts > 0 && status === 'connected';
    });
    await phone.page
      .getByLabel('Put the connection into a state')
      .selectOption({ label: 'TOS_BLOCK: the account is banned' });
    await phone.page.locator('.pill[data-state="auth_failed"]').waitFor();
  });

  it('restricts the account, and shows why a message was refused', async () => {
    await withAgent('restricted');
    await choice('The account').selectOption('message_cap');
    await phone.page.locator('.line-state', { hasText: 'restricted' }).waitFor();
    await sendTo('+15550000002', 'hello, stranger');
    await phone.bubble(phone.agent, 'hello, stranger').getByText('Refused by WhatsApp (475)').waitFor();
    await phone.write('I wrote first');
    await phone.bubble(phone.customer, 'AI: I wrote first').waitFor();
    await choice('The account').selectOption('');
    await phone.page.locator('.line-state', { hasText: /^Online$/ }).waitFor();
  });

  it('changes settings for all agents: people by LID, and a passkey at linking', async () => {
    await withAgent('changed');
    await choice('People').selectOption({ label: 'By LID' });
    await eventually('LIDs', () => service.network.settings.lidForAll);
    await phone.write('by LID');
    await phone.bubble(phone.customer, 'AI: by LID').waitFor();
    await choice('People').selectOption({ label: 'By number' });
    await choice('Linking').selectOption('refs_stop');
    await phone.page.getByRole('button', { name: 'Linked devices' }).click();
    await phone.button('Unlink').click();
    await phone.button('Ask for a new code').click();
    await phone.button('Sign with the passkey').waitFor();
    await choice('Linking').selectOption('off');
    await phone.button('Sign with the passkey').waitFor({ state: 'hidden' });
    await phone.page.getByLabel(/pairing code/).fill('AAAA-AAAA');
    await phone.button('Link with the code').click();
    await phone.noticed('This code is wrong or has expired.');
  });

  it('edits and deletes a message of the customer on both phones', async () => {
    await withAgent('regretted');
    await phone.write('a tpyo');
    await phone.bubble(phone.customer, 'AI: a tpyo').waitFor();
    await phone.bubble(phone.customer, /^a tpyo/).hover();
    await phone.button('Edit: a tpyo').click();
    await phone.page.getByLabel('Text', { exact: true }).fill('a typo');
    await phone.button('Save').click();
    await phone
      .bubble(phone.customer, /^a typoedited/)
      .getByText('edited', { exact: true })
      .waitFor();
    await phone.agent.locator('.chat-line').first().click();
    await phone.bubble(phone.agent, /^a typoedited/).waitFor();
    await phone.bubble(phone.customer, /^a typo/).hover();
    await phone.button('Delete: a tpyo').click();
    for (const side of [phone.customer, phone.agent])
      await phone.bubble(side, 'This message was deleted').waitFor();
  });

  it('sends to the numbers with fixed behaviour', async () => {
    await withAgent('sender');
    await sendTo('+15550000000', 'read me');
    await phone.ticked(phone.agent, 'read me', 'read');
    await sendTo('+15550000001', 'no account');
    await phone.noticed('RECIPIENT_NOT_ON_WHATSAPP');
    await sendTo('+15550000002', 'switched off');
    await phone.ticked(phone.agent, 'switched off', 'sent');
    await sendTo('+15550000003', 'try again');
    await phone.ticked(phone.agent, 'try again', 'refused by WhatsApp');
    await sendTo('+15550000003', 'second try');
    await phone.ticked(phone.agent, 'second try', 'delivered');
    await sendTo('+15550000005', 'later');
    await phone.ticked(phone.agent, 'later', 'sent');
    await phone.button('+30 s').click();
    await phone.ticked(phone.agent, 'later', 'delivered');
    await sendTo('+15550000008', 'through a drop');
    await phone.ticked(phone.agent, 'through a drop', 'delivered');
    await phone.button('Write as +15550000004').click();
    await phone.write('ping');
    await phone.bubble(phone.customer, 'pong').first().waitFor();
    await sendTo('+15550000009', 'the last one');
    await phone.page.locator('.pill[data-state="auth_failed"]').waitFor();
  });

  it('lists the traffic live, filters and clears it', async () => {
    await withAgent('talker');
    const lines = phone.page.locator('.wire li');
    await phone.write('on the wire');
    await lines.filter({ hasText: 'typing true' }).first().waitFor();
    const all = await lines.count();
    await phone.page.getByLabel('Filter the wire log').fill('SEND talker');
    await eventually('fewer lines', async () => (await lines.count()) < all);
    expect(await lines.locator('b').allTextContents())
      .to.include('send')
      .and.not.include('typing');
    await phone.page.getByLabel('Filter the wire log').fill('');
    await phone.button('Clear').click();
    await phone.page.getByText('No traffic yet.').waitFor();
    await phone.write('and again');
    await lines.filter({ hasText: 'send' }).first().waitFor();
  });

  it('shows the cURL of every action, which does the same when it is run', async () => {
    await withAgent('scripted');
    await phone.write("it's me");
    await phone.bubble(phone.customer, "AI: it's me").waitFor();
    await paste(await phone.curl('Write to the agent'));
    await eventually('the message twice', async () => {
      return (await phone.bubble(phone.customer, "AI: it's me").count()) === 2;
    });
    await phone.button('Drop').click();
    await phone.button('Bring back').click();
    await phone.page.locator('.line-state', { hasText: 'Online' }).waitFor();
    await paste(await phone.curl('Drop the connection'));
    await phone.page.locator('.line-state', { hasText: 'Offline' }).waitFor();
    await paste(await phone.curl('Bring back'));
    await phone.page.locator('.line-state', { hasText: 'Online' }).waitFor();
    await sendTo('+15550000000', 'from my back end');
    await phone.ticked(phone.agent, 'from my back end', 'delivered');
    const sent = JSON.parse(await paste(await phone.curl('Send as your back end'))) as { status: string };
    expect(sent.status).to.equal('sent');
  });

  it('asks for the key when the default one is refused', async () => {
    await withAgent('guarded', OTHER_KEY);
    await sendTo('+15550000000', 'may I?');
    await phone.noticed('UNAUTHORIZED');
    await phone.agent.locator('.key-form input').fill(OTHER_KEY);
    await phone.button('Use').click();
    await sendTo('+15550000000', 'may I now?');
    await phone.ticked(phone.agent, 'may I now?', 'delivered');
  });

  it('copies a cURL to the clipboard', async () => {
    await withAgent('copied');
    await phone.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await phone.button('+1 min').click();
    await phone.button('Copy: Advance the clock').click();
    await phone.button('Copy: Advance the clock').filter({ hasText: 'Copied' }).waitFor();
    const copied = await phone.page.evaluate('navigator.clipboard.readText()');
    expect(copied)
      .to.equal(await phone.curl('Advance the clock'))
      .and.include('"advanceMs":60000');
  });

  it('shows that it is reconnecting while the service is down, and reconnects by itself', async () => {
    await withAgent('survivor');
    await phone.page.evaluate('window.neverReloaded = true');
    await service.close();
    const connection = phone.page.locator('.connection');
    await connection.filter({ hasText: 'reconnecting' }).waitFor();
    await start();
    await connection.filter({ hasText: /^live$/ }).waitFor();
    await phone.page.locator('.pill[data-state="connected"]').waitFor({ state: 'detached' });
    expect(await phone.page.evaluate('window.neverReloaded')).to.equal(true);
    await phone.button('Ask for a new code').click();
    await phone.button('Scan the code').click();
    await phone.page.locator('.pill[data-state="connected"]').waitFor();
    await phone.write('still here');
    await phone.bubble(phone.customer, 'AI: still here').waitFor();
  });
});
