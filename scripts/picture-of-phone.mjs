// Takes docs/phone.png, the README's picture, of the compiled service on the sandbox, in a temporary folder, with the
// system's Chromium. Run `npm run build` first.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const TARGET = fileURLToPath(new URL('../docs/phone.png', import.meta.url));
const ANSWERS = {
  'Buka hari ini?': 'Buka, sampai jam 21.00. Mau pesan meja?',
  'Untuk empat orang, jam 7': 'Siap: meja untuk 4 orang, jam 19.00, atas nama Sari.',
};

/** The AI of the picture, with two replies. */
async function startAi() {
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const { message } = JSON.parse(Buffer.concat(chunks).toString());
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({ reply: ANSWERS[message] ?? null }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** Writes as the customer, then takes the picture. */
async function photograph(url) {
  const browser = await chromium.launch({
    executablePath: process.env.PUPPETEER_EXECUTABLE_PATH || '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });
  const page = await browser.newPage({ viewport: { width: 1440, height: 860 } });
  await page.goto(`${url}/sandbox/phone?agent=cafe`);
  const field = page.getByRole('textbox', { name: 'Message as the customer' });
  for (const [question, answer] of Object.entries(ANSWERS)) {
    await field.fill(question);
    await field.press('Enter');
    await page.locator('#customer').getByText(answer).waitFor();
  }
  await page.locator('#agent .chat-line', { hasText: 'Sari' }).click();
  await page.locator('#agent li.bubble').last().locator('.ticks[aria-label="read"]').waitFor();
  await page.screenshot({ path: TARGET });
  await browser.close();
}

const dir = await mkdtemp(join(tmpdir(), 'gateway-'));
const ai = await startAi();
Object.assign(process.env, {
  WHATSAPP_DRIVER: 'sandbox',
  // Overrides a .env: nothing may reach a real database.
  DB_URL: '',
  SESSIONS_TOKEN: '',
  LOG_LEVEL: 'warn',
  PORT: process.env.PORT ?? '3000',
  DATA_DIR: join(dir, 'data'),
  TEMP_DIR: join(dir, 'temp'),
  AI_BACKEND_URL: `http://127.0.0.1:${ai.address().port}`,
});
const { app } = await import('../dist/main.js');
let status = 0;
try {
  await fetch(`${app.url}/sandbox/seed`, { method: 'POST' });
  await photograph(app.url);
} catch (error) {
  // The service survives uncaught errors, so this one is printed and the process exits here.
  console.error(error);
  status = 1;
}
await app.stop();
await rm(dir, { recursive: true, force: true });
process.exit(status);
