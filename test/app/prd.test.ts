import { withDatabase } from '../support/postgres.ts';
import { registerPrdWalk } from '../support/prd-walk.ts';
import { type Service, startService } from '../support/service.ts';

describe("the PRD's life of an agent, on the sandbox driver", () => {
  const database = withDatabase();
  let service: Service;

  before(async () => {
    service = await startService(database(), { env: { WHATSAPP_DRIVER: 'sandbox', AI_TIMEOUT_MS: '400' } });
  });
  after(() => service.close());

  registerPrdWalk(() => ({
    url: service.app.url,
    network: service.network,
    ai: service.ai,
    pool: service.pool,
    images: service.images,
    authFolder: null,
    browsers: () => 0,
  }));
});
