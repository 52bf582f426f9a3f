import { findChromium } from '../../src/infra/whatsapp/wwebjs/chromium.ts';
import { whereFound } from './where-found.ts';

/** Registers a suite that needs Chromium, and reports when there is none. */
export function whenChromium(title: string, fn: (executablePath: string) => void): void {
  const { PUPPETEER_EXECUTABLE_PATH: explicit, PATH = '' } = process.env;
  const missing = 'no Chromium found: install it or set PUPPETEER_EXECUTABLE_PATH';
  whereFound(title, findChromium(explicit, PATH), missing, fn);
}
