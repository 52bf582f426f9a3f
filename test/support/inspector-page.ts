import { expect } from 'chai';
import jsQR from 'jsqr';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { PNG } from 'pngjs';
import type { z } from 'zod';
import type { inspectedAgent } from '../../src/http/openapi/inspector-schemas.ts';
import { type Misdeeds, watchMisdeeds } from './page-checks.ts';
import type { Service } from './service.ts';

export type Inspected = z.output<typeof inspectedAgent>;

interface Look {
  agentId?: string;
  width?: number;
  colorScheme?: 'dark' | 'light';
  /** Runs before the page is loaded. */
  prepare?(page: Page): Promise<unknown>;
}

/** The inspector's page, and what is visible on it. */
export class InspectorPage {
  readonly page: Page;
  readonly misdeeds: Misdeeds;
  readonly history: Locator;
  readonly #context: BrowserContext;

  private constructor(context: BrowserContext, page: Page, url: string) {
    this.#context = context;
    this.page = page;
    this.history = page.locator('#history tr');
    this.misdeeds = watchMisdeeds(page, url);
  }

  /** Opens the page of an agent, by default of the first, and waits until it is live. */
  static async open(browser: Browser, url: string, { prepare, ...look }: Look = {}): Promise<InspectorPage> {
    const { agentId, width = 1400, colorScheme = 'light' } = look;
    const viewport = { width, height: 900 };
    const context = await browser.newContext({ viewport, colorScheme, deviceScaleFactor: 2 });
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    const inspector = new InspectorPage(context, await context.newPage(), url);
    await prepare?.(inspector.page);
    await inspector.page.goto(`${url}/inspector${agentId ? `?agent=${agentId}` : ''}`);
    await inspector.connection('live');
    return inspector;
  }

  /** Waits until the page shows this state of its connection. */
  async connection(state: 'live' | 'reconnecting'): Promise<void> {
    await this.page.locator(`#connection[data-state="${state}"]`).waitFor();
  }

  /** The names of the parts of a chart that carry a class, sorted. */
  lit(machine: 'agent' | 'supervisor', name: 'active' | 'next' | 'taken'): Promise<string[]> {
    return this.page
      .locator(`svg[data-machine="${machine}"] .${name}`)
      .evaluateAll((all) => all.map((part) => part.dataset.state ?? part.dataset.edge ?? '').sort());
  }

  /** An attribute of all rows of the history, newest first. */
  rows(attribute: string): Promise<(string | null)[]> {
    return this.history.evaluateAll((all, name) => all.map((row) => row.getAttribute(name)), attribute);
  }

  /** The text that the QR on the page holds; undefined while it isn't drawn. */
  async scanned(): Promise<string | undefined> {
    const { data, width, height } = PNG.sync.read(await this.page.locator('#qr-image').screenshot());
    return jsQR.default(new Uint8ClampedArray(data), width, height)?.data;
  }

  button(name: string | RegExp): Locator {
    return this.page.getByRole('button', { name, exact: true });
  }

  /** Closes the page; fails if it had errors or foreign requests. */
  async close(): Promise<void> {
    await this.#context.close();
    expect(this.misdeeds).to.deep.equal({ errors: [], foreign: [] });
  }
}

/** One agent as the API returns it now. */
export async function inspected(service: Service, agentId: string): Promise<Inspected> {
  const answer = await fetch(`${service.app.url}/inspector/api/agents/${agentId}`);
  return (await answer.json()) as Inspected;
}

/** The states and all states around them, sorted, as a chart lights them. */
export function withAncestors(paths: readonly string[]): string[] {
  const all = paths.flatMap((path) => {
    const parts = path.split('.');
    return parts.map((_, index) => parts.slice(0, index + 1).join('.'));
  });
  return [...new Set(all)].sort();
}
