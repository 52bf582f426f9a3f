import axe from 'axe-core';
import type { Page } from 'playwright-core';

/** Forbidden behaviour of a page. */
export interface Misdeeds {
  /** Errors of scripts and of the content policy. */
  errors: string[];
  /** Requests to another origin. */
  foreign: string[];
}

/** Records forbidden behaviour of a page of `url` from now on. */
export function watchMisdeeds(page: Page, url: string): Misdeeds {
  const misdeeds: Misdeeds = { errors: [], foreign: [] };
  page.on('pageerror', (error) => misdeeds.errors.push(String(error)));
  page.on('console', (message) => {
    // The browser logs every answer of 400 and more; the tests check what the page shows of them.
    const isRefusal = message.text().startsWith('Failed to load resource');
    if (message.type() === 'error' && !isRefusal) misdeeds.errors.push(message.text());
  });
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== new URL(url).origin && protocol !== 'data:') misdeeds.foreign.push(request.url());
  });
  return misdeeds;
}

/** Serious and critical findings of axe-core, as `rule: element`. */
export async function faultsOf(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = (await page.evaluate('axe.run()')) as axe.AxeResults;
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(' ')}`));
}

/** How much wider than the window the page is, px. */
export function overhang(page: Page): Promise<unknown> {
  return page.evaluate('document.documentElement.scrollWidth - innerWidth');
}
