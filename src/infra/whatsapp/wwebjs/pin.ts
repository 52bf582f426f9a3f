import { readFile } from 'node:fs/promises';
import type { Page } from 'puppeteer';

const INDEX = 'https://web.whatsapp.com/*';

/**
 * Answers the page's own document with a stored build of it. The service worker, which may serve another one, is passed
 * by. Only documents are paused, so that nothing else costs a round trip.
 */
export async function pinBuild(page: Page, path: string): Promise<void> {
  const body = await readFile(path, 'base64');
  const session = await page.createCDPSession();
  session.on('Fetch.requestPaused', ({ requestId }) => {
    const responseHeaders = [{ name: 'content-type', value: 'text/html; charset=utf-8' }];
    // A page that is gone needs no answer.
    session
      .send('Fetch.fulfillRequest', { requestId, responseCode: 200, responseHeaders, body })
      .catch(() => undefined);
  });
  await session.send('Network.setBypassServiceWorker', { bypass: true });
  await session.send('Fetch.enable', { patterns: [{ urlPattern: INDEX, resourceType: 'Document' }] });
}
