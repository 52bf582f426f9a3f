import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SandboxNetwork } from '../../src/infra/whatsapp/sandbox/network.ts';
import { WwebjsDriver } from '../../src/infra/whatsapp/wwebjs/driver.ts';
import { describeWhatsAppClient } from '../infra/whatsapp-client.contract.ts';
import { whenChromium } from '../support/chromium.ts';
import { startStandIn } from '../support/stand-in/index.ts';

whenChromium('whatsapp-web.js in Chromium', (executablePath) => {
  describeWhatsAppClient('wwebjs', async () => {
    const authDir = await mkdtemp(join(tmpdir(), 'auth-'));
    const network = new SandboxNetwork();
    const standIn = await startStandIn(network);
    const driver = new WwebjsDriver({
      authDir,
      executablePath,
      extraArgs: standIn.chromiumArgs,
      sandbox: 'auto',
      sendTimeoutMs: 10_000,
      environment: { PATH: process.env.PATH ?? '', HOME: authDir },
      onFault: (where, error) => console.error(where, error),
      onNotice: () => undefined,
    });
    return {
      driver,
      network,
      cleanup: async () => {
        await standIn.close();
        network.close();
        await rm(authDir, { recursive: true, force: true });
      },
    };
  });
});
