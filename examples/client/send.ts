import { randomUUID } from 'node:crypto';
import { GatewayClient } from './client.ts';

// Sends a text as a connected agent, and prints its outcome:
//   npx tsx examples/client/send.ts http://localhost:3000 demo demo-key 6281234567890 'Halo'

const [url = 'http://localhost:3000', agentId = 'demo', key = '', to = '', message = ''] =
  process.argv.slice(2);
const gateway = new GatewayClient(url, key);
const session = await gateway.call('get', '/sessions/{agentId}', { path: { agentId } });
if (session.status === 200) console.log(`${session.body.agentName} is ${session.body.status}`);

const sent = await gateway.call('post', '/agents/{agentId}/messages', {
  path: { agentId },
  body: { to, message },
  headers: { 'Idempotency-Key': randomUUID() },
});
if (sent.status === 200) console.log(`sent: ${sent.body.messageId}`);
else if (sent.status === 202) console.log(`queued at ${sent.body.position}: ${sent.body.id}`);
else {
  const { code, message: why } = sent.body.error;
  console.error(`${code}: ${why}`);
  process.exitCode = 1;
}
