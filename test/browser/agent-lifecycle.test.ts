import { join } from 'node:path';
import { browsersOf } from '../../src/infra/whatsapp/wwebjs/processes.ts';
import { SandboxNetwork } from '../../src/sandbox/network/network.ts';
import { registerAgentLifecycle } from '../support/agent-lifecycle.ts';
import { whenChromium } from '../support/chromium.ts';
import { forEachEdition } from '../support/editions.ts';
import { withDatabase } from '../support/postgres.ts';
import { type Service, startService } from '../support/service.ts';
import { type StandIn, startStandIn } from '../support/stand-in/index.ts';

whenChromium('the lifecycle of an agent, on whatsapp-web.js in Chromium', () => {
  forEachEdition((page) =>
    describe(`on the page of ${page.name}`, () => {
      const database = withDatabase();
      const network = new SandboxNetwork();
      let standIn: StandIn;
      let service: Service;

      before(async () => {
        standIn = await startStandIn(network, page);
        service = await startService(database(), {
          ...{ network, standIn },
          env: { AI_TIMEOUT_MS: '1500' },
        });
      });
      after(async () => {
        await service?.close();
        await standIn?.close();
      });

      registerAgentLifecycle(
        () => service,
        () => {
          const authFolder = join(service.config.WWEBJS_AUTH_DIR, 'shop');
          return { authFolder, browsers: browsersOf(join(authFolder, 'session')).length };
        },
      );
    }),
  );
});
