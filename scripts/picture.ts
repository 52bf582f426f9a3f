import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { findChromium } from '../src/infra/whatsapp/wwebjs/chromium.ts';

const TARGET = fileURLToPath(new URL('../docs/inspector.png', import.meta.url));
const [url = 'http://localhost:3000'] = process.argv.slice(2);

/** Calls the sandbox's API. @throws Error when refused */
async function ask(path: string, body: object): Promise<void> {
  const answer = await fetch(url + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: 'Bearer sandbox-key' },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
}

/** Drives the demo agent of a running sandbox, and takes the README's picture of its inspector. */
async function main(): Promise<void> {
  const { PUPPETEER_EXECUTABLE_PATH: explicit, PATH = '' } = process.env;
  const browser = await chromium.launch({
    executablePath: findChromium(explicit, PATH) ?? undefined,
    args: ['--no-sandbox'],
  });
  try {
    const page = await browser.newPage({ viewport: { width: 1400, height: 860 }, colorScheme: 'light' });
    await page.goto(`${url}/inspector?agent=cafe`);
    await page.locator('[data-state="connected.healthy"].active').waitFor();
    await ask('/agents/cafe/messages', { to: '+15550000004', message: 'ping' });
    await ask('/sandbox/phones/cafe/network', { state: 'OPENING' });
    await page.locator('[data-state="connected.suspect"].active').waitFor();
    await ask('/sandbox/phones/cafe/network', { state: 'PAIRING' });
    await page.locator('#history tr[data-ignored]').first().waitFor();
    // Newly entered states flash for a moment.
    await page.locator('.flash').first().waitFor({ state: 'detached' });
    await page.screenshot({ path: TARGET });
    await ask('/sandbox/phones/cafe/network', { restore: true });
  } finally {
    await browser.close();
  }
}

await main();
