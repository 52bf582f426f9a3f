import { SandboxNetwork } from '../../src/sandbox/network/network.ts';
import { whenChromium } from '../support/chromium.ts';
import { type CloudService, startCloudService } from '../support/cloud-service.ts';
import { withDatabase } from '../support/postgres.ts';
import { type StandIn, startStandIn } from '../support/stand-in/index.ts';
import { chatAdapter } from './chat-adapter.ts';
import { greatDetail } from './great-detail.ts';
import { kapso } from './kapso.ts';
import { whatsappApiJs } from './whatsapp-api-js.ts';

const CLIENTS = [kapso, greatDetail, whatsappApiJs, chatAdapter];

describe('clients that were made for Meta’s Cloud API, on the sandbox', function () {
  this.timeout(60_000);
  const database = withDatabase();
  let cloud: CloudService;
  before(async () => {
    cloud = await startCloudService(database());
  });
  after(() => cloud?.close());

  for (const register of CLIENTS) register(() => cloud);
});

whenChromium('clients that were made for Meta’s Cloud API, on whatsapp-web.js in Chromium', () => {
  const database = withDatabase();
  let standIn: StandIn;
  let cloud: CloudService;
  before(async () => {
    const network = new SandboxNetwork();
    standIn = await startStandIn(network);
    cloud = await startCloudService(database(), { network, standIn });
  });
  after(async () => {
    await cloud?.close();
    await standIn?.close();
  });

  for (const register of CLIENTS) register(() => cloud);
});
