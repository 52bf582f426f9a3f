import { randomBytes } from 'node:crypto';
import { type Config, childEnvironment } from '../../config.ts';
import { HOST_CLOCK } from '../../host-clock.ts';
import type { BackendReports, WhatsAppBackend } from '../whatsapp-backend.ts';
import { WwebjsDriver } from './driver.ts';

/** An id as WhatsApp Web draws it, of nine random bytes. */
function stanzaIdOf(bytes: Buffer): string {
  return `3EB0${bytes.toString('hex').toUpperCase()}`;
}

/** The real WhatsApp: whatsapp-web.js in Chromium. */
export function openWwebjs(config: Config, reports: BackendReports): WhatsAppBackend {
  const driver = new WwebjsDriver({
    authDir: config.WWEBJS_AUTH_DIR,
    executablePath: config.PUPPETEER_EXECUTABLE_PATH,
    extraArgs: config.CHROMIUM_ARGS,
    sandbox: config.CHROMIUM_SANDBOX,
    sendTimeoutMs: config.SEND_TIMEOUT_MS,
    webVersion: config.WHATSAPP_WEB_VERSION,
    webVersionDir: config.WHATSAPP_WEB_DIR,
    environment: childEnvironment(),
    ...reports,
  });
  return {
    driver,
    clock: HOST_CLOCK,
    newStanzaId: () => stanzaIdOf(randomBytes(9)),
    aiBackendUrl: config.AI_BACKEND_URL,
    routers: () => [],
    close: () => driver.close(),
  };
}
