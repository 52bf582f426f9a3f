import { expect } from 'chai';
import type { Locator } from 'playwright-core';
import { defaultNumberOf } from '../../src/sandbox/control-api/phone-operations.ts';
import { withBrowser } from '../support/browser.ts';
import { whenChromium } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { PIXEL } from '../support/fixtures.ts';
import { createAgent, linkAgent } from '../support/link-agent.ts';
import { PhonePage } from '../support/phone-page.ts';

whenChromium('the virtual phone', (executablePath) => {
  const suite = withBrowser(executablePath);
  let phone: PhonePage;

  afterEach(() => phone.close());

  /** The width of what an image element has loaded, px; 0 before. */
  function widthOf(image: Locator): Promise<number> {
    return image.evaluate((element) => Number(Reflect.get(element, 'naturalWidth')));
  }

  /** Opens the page on a linked agent of this name. */
  async function withAgent(agentId: string): Promise<void> {
    await linkAgent(suite.service, agentId);
    phone = await PhonePage.open(suite.browser, suite.service.app.url, { agentId });
  }

  it('leads from an empty sandbox to the first answered message', async () => {
    phone = await PhonePage.open(suite.browser, suite.service.app.url);
    await phone.button('Create the agent “Demo”').click();
    const code = phone.page.getByRole('img', { name: 'The QR code that the agent shows' });
    await eventually('the QR to be drawn', async () => (await widthOf(code)) > 0);
    let scannedAt = Number.NaN;
    suite.service.network.events.on('wire', ({ kind }) => {
      if (kind === 'scan') scannedAt = Date.now();
    });
    await phone.button('Scan the code').click();
    await phone.page.locator('.pill[data-state="connected"]').waitFor();
    const inspected = await fetch(`${suite.service.app.url}/inspector/api/agents/demo`);
    const { history } = (await inspected.json()) as { history: { at: number; to: string[] }[] };
    const lit = history.find(({ to }) => to.some((state) => state.startsWith('connected')));
    expect(lit!.at - scannedAt).to.be.within(0, 1_000);

    await phone.write('where is my order?');
    await phone.bubble(phone.customer, 'AI: where is my order?').waitFor();
    // A send marks its chat read, as WhatsApp's own page does.
    await phone.ticked(phone.customer, 'where is my order?', 'read');
  });

  it('shows the agent typing during the AI call, blue ticks once the message is read, then the reply', async () => {
    await withAgent('typist');
    let answer = (_text: string) => {};
    suite.service.ai.behave = () =>
      new Promise((resolve) => {
        answer = (reply) => resolve({ body: { reply } });
      });
    await phone.write('think about it');
    await phone.customer.getByRole('status', { name: 'typing' }).waitFor();
    await phone.customer.locator('header', { hasText: 'typing…' }).waitFor();
    await phone.ticked(phone.customer, 'think about it', 'delivered');
    await phone.agent.locator('.chat-line').first().click();
    await phone.page.getByRole('button', { name: /^Mark this chat as read/ }).click();
    await phone.ticked(phone.customer, 'think about it', 'read');
    answer('done');
    await phone.bubble(phone.customer, 'done').waitFor();
    await phone.customer.getByRole('status', { name: 'typing' }).waitFor({ state: 'hidden' });
    suite.service.ai.behave = ({ body }) => ({ body: { reply: `AI: ${body.message}` } });

    await phone.ticked(phone.agent, 'done', 'read');
  });

  it('shows the customer typing on the agent’s phone, until the message or the end of the text', async () => {
    await withAgent('reader');
    await phone.write('hello');
    await phone.bubble(phone.customer, 'AI: hello').waitFor();
    await phone.agent.locator('.chat-line').first().click();
    const field = phone.page.getByRole('textbox', { name: 'Message as the customer' });
    const typing = phone.agent.getByRole('status', { name: 'typing' });
    await field.pressSequentially('mo');
    await typing.waitFor();
    await field.fill('');
    await typing.waitFor({ state: 'hidden' });
  });

  it('shows quotes and images on both phones', async () => {
    await withAgent('painter');
    await phone.write('look at this');
    await phone.bubble(phone.customer, 'AI: look at this').waitFor();
    await phone.page.getByRole('button', { name: 'Reply to: AI: look at this' }).click();
    await phone.write('at what?');
    await phone.customer.locator('blockquote', { hasText: 'AI: look at this' }).waitFor();
    await phone.customer
      .getByLabel('Attach a file')
      .setInputFiles({ name: 'dot.png', mimeType: 'image/png', buffer: PIXEL });
    await phone.customer.locator('.chip img').waitFor();
    await phone.write('a dot');
    await phone.agent.locator('.chat-line', { hasText: 'Sari' }).click();
    for (const side of [phone.customer, phone.agent]) {
      const image = phone.bubble(side, 'a dot').locator('img');
      await eventually('the image', async () => (await widthOf(image)) === 1);
    }
  });

  it('shows an answer in a group only when the agent is mentioned', async () => {
    suite.service.network.account(defaultNumberOf('member'), { name: 'Member' });
    await withAgent('member');
    await phone.button('All chats').first().click();
    await phone.button('+ New group').click();
    await phone.page.getByLabel('Budi').check();
    await phone.button('Create the group').click();
    await phone.write('not to you');
    await phone.ticked(phone.customer, 'not to you', 'delivered');
    await phone.page.getByRole('button', { name: 'Mention Member' }).click();
    await phone.write('you there?');
    await phone.bubble(phone.customer, '@Member you there?').waitFor();
    await phone.bubble(phone.customer, 'AI: you there?').waitFor();
    expect(await phone.bubble(phone.customer, 'AI: not to you').count()).to.equal(0);

    await phone.page.getByLabel('Which customer you are').selectOption({ label: 'Budi' });
    await phone.customer.locator('.chat-line', { hasText: 'Family' }).click();
    await phone.customer.locator('.sender', { hasText: 'Sari' }).first().waitFor();
    await phone.write('I read everything');
    await phone.ticked(phone.customer, 'I read everything', 'delivered');
  });

  it('adds a new customer, even one who hides the number', async () => {
    await withAgent('stranger');
    await phone.page.getByLabel('Which customer you are').selectOption({ label: '+ New customer…' });
    await phone.page.getByLabel('Name', { exact: true }).fill('Dewi');
    await phone.page.getByLabel('Hides the number').check();
    await phone.button('Be this customer').click();
    await phone.write('guess who');
    await phone.bubble(phone.customer, 'AI: guess who').waitFor();
    const asked = suite.service.ai.calls.at(-1)!.body;
    expect(asked.sessionId).to.match(/@lid$/);
    expect(asked.metadata).to.include({ whatsapp_name: 'Dewi' });
  });

  it('posts a status, which the agent receives and does not answer', async () => {
    await withAgent('friend');
    const before = suite.service.ai.calls.length;
    await phone.button('Status').click();
    await phone.page.getByRole('textbox', { name: 'Status' }).fill('on holiday');
    await phone.button('Post status').click();
    await phone.customer.locator('.posted', { hasText: 'on holiday' }).waitFor();
    await phone.agent.locator('.chat-line', { hasText: 'on holiday' }).waitFor();
    expect(suite.service.ai.calls).to.have.length(before);
  });

  it('refuses a code, shows that an expired code is refused, and unlinks', async () => {
    await createAgent(suite.service.url, 'picky');
    phone = await PhonePage.open(suite.browser, suite.service.app.url, { agentId: 'picky' });
    const code = phone.page.getByRole('img', { name: 'The QR code that the agent shows' });
    await code.waitFor();
    const first = await code.getAttribute('src');
    await phone.button('+30 s').click();
    await eventually('another code', async () => (await code.getAttribute('src')) !== first);
    await phone.button('Scan an expired code').click();
    await phone.noticed('expired');

    await phone.button('Refuse').click();
    await phone.page.locator('.pill[data-state="auth_failed"]').waitFor();
    await phone.button('Ask for a new code').click();
    await phone.button('Scan the code').click();
    await phone.page.locator('.pill[data-state="connected"]').waitFor();
    await phone.button('Linked devices').click();
    await phone.agent.getByText('Active now').waitFor();
    await phone.button('Unlink').click();
    await phone.page.locator('.pill', { hasText: 'disconnected: LOGOUT' }).waitFor();
    await phone.button('Ask for a new code').waitFor();
  });
});
