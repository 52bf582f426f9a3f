import { registerAgentLifecycle } from '../support/agent-lifecycle.ts';
import { withDatabase } from '../support/postgres.ts';
import { type Service, startService } from '../support/service.ts';

describe('the lifecycle of an agent, on the sandbox driver', () => {
  const database = withDatabase();
  let service: Service;

  before(async () => {
    service = await startService(database(), { env: { AI_TIMEOUT_MS: '400' } });
  });
  after(() => service.close());

  registerAgentLifecycle(() => service);
});
