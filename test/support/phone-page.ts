import { expect } from 'chai';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { type Misdeeds, watchMisdeeds } from './page-checks.ts';

/** A key that the page doesn't try. */
export const OTHER_KEY = 'key-of-the-back-end';

/** The virtual phone's page, and what a person does on it. */
export class PhonePage {
  readonly page: Page;
  readonly misdeeds: Misdeeds;
  readonly agent: Locator;
  readonly customer: Locator;
  readonly #context: BrowserContext;
  readonly #url: string;

  private constructor(context: BrowserContext, page: Page, url: string) {
    this.#context = context;
    this.page = page;
    this.#url = url;
    this.agent = page.locator('#agent');
    this.customer = page.locator('#customer');
    this.misdeeds = watchMisdeeds(page, url);
  }

  /** Opens the page of an agent, by default of the first, logs in with `token`, and waits until it is live. */
  static async open(
    browser: Browser,
    url: string,
    {
      agentId,
      token,
      ...look
    }: { agentId?: string; token?: string; width?: number; colorScheme?: 'dark' | 'light' } = {},
  ): Promise<PhonePage> {
    const { width = 1440, colorScheme = 'light' } = look;
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
    const phone = new PhonePage(context, await context.newPage(), url);
    await phone.page.goto(`${url}/sandbox/phone${agentId ? `?agent=${agentId}` : ''}`);
    if (token) {
      await phone.page.locator('input[type="password"]').fill(token);
      await phone.page.keyboard.press('Enter');
    }
    await phone.page.locator('.connection[data-state="live"]').waitFor();
    return phone;
  }

  /** Writes as the customer into the chat that is open. */
  async write(text: string): Promise<void> {
    await this.page.getByRole('textbox', { name: 'Message as the customer' }).fill(text);
    await this.page.keyboard.press('Enter');
  }

  /** The bubbles of a phone that hold this text. */
  bubble(of: Locator, text: string | RegExp): Locator {
    return of.locator('li.bubble', { hasText: text });
  }

  /** Waits until a message has this label: `sent`, `delivered`, `read`, `refused by WhatsApp`. */
  async ticked(of: Locator, text: string, far: string): Promise<void> {
    await this.bubble(of, text).locator(`.ticks[aria-label="${far}"]`).waitFor();
  }

  /** The cURL that the page gives for an action. */
  async curl(label: string): Promise<string> {
    const shown = this.page.getByRole('region', { name: `cURL: ${label}`, exact: true });
    return (await shown.textContent()) ?? '';
  }

  /** Waits for a notice that contains this. */
  async noticed(part: string): Promise<void> {
    await this.page.locator('.notice', { hasText: part }).waitFor();
  }

  /** A button by its whole name. */
  button(name: string): Locator {
    return this.page.getByRole('button', { name, exact: true });
  }

  /** Closes the page; fails if it had errors or foreign requests. */
  async close(): Promise<void> {
    await this.#context.close();
    expect(this.misdeeds, this.#url).to.deep.equal({ errors: [], foreign: [] });
  }
}
