import { type Browser, chromium } from 'playwright-core';
import { withDatabase } from './postgres.ts';
import { type Service, startService } from './service.ts';

/** Starts the browser that a file's tests share. */
export function startBrowser(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: ['--no-sandbox'] });
}

/** Service and browser of a suite about a page, from its first hook on. */
interface PageSuite {
  service: Service;
  browser: Browser;
}

/** Registers a service on the sandbox driver and a browser for the suite; `env` is added to the service's. */
export function withBrowser(executablePath: string, env: Record<string, string> = {}): PageSuite {
  const database = withDatabase();
  const suite = {} as PageSuite;
  before(async () => {
    const starting = startService(database(), { env });
    [suite.service, suite.browser] = await Promise.all([starting, startBrowser(executablePath)]);
  });
  after(async () => {
    await suite.browser?.close();
    await suite.service?.close();
  });
  return suite;
}
