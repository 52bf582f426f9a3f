import { type CloudService, startCloudService } from '../support/cloud-service.ts';
import { withDatabase } from '../support/postgres.ts';
import { chatAdapter } from './chat-adapter.ts';
import { greatDetail } from './great-detail.ts';
import { kapso } from './kapso.ts';
import { whatsappApiJs } from './whatsapp-api-js.ts';

describe('clients that were made for Meta’s Cloud API, on the sandbox', function () {
  this.timeout(60_000);
  const database = withDatabase();
  let cloud: CloudService;
  before(async () => {
    cloud = await startCloudService(database());
  });
  after(() => cloud?.close());

  for (const register of [kapso, greatDetail, whatsappApiJs, chatAdapter]) register(() => cloud);
});
