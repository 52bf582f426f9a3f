import { findChromium } from '../../src/infra/whatsapp/wwebjs/chromium.ts';

/**
 * Registers `describe(title, fn)` where there is a Chromium. Elsewhere it says why not and registers a pending
 * test; with `CI=true` a failing one, so that nobody takes the absence for a pass.
 */
export function whenChromium(title: string, fn: (executablePath: string) => void): void {
  const { PUPPETEER_EXECUTABLE_PATH: explicit, PATH = '' } = process.env;
  const executablePath = findChromium(explicit, PATH);
  if (executablePath) {
    describe(title, () => fn(executablePath));
    return;
  }
  const reason = 'no Chromium found: install it or set PUPPETEER_EXECUTABLE_PATH';
  console.warn(`${title}: ${reason}`);
  if (process.env.CI === 'true') {
    it(`${title} needs a browser`, () => {
      throw new Error(reason);
    });
  } else it(`${title} (${reason})`);
}
