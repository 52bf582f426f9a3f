// `npm run sandbox:network`: the simulated WhatsApp as a process of its own. Services with WHATSAPP_DRIVER=sandbox and
// SANDBOX_URL link to it; the phone's page and the control API are here. The log on stderr is for people.
import { pino } from 'pino';

const { SandboxNetwork } = await import('../dist/sandbox/network/network.js');
const { serveNetwork } = await import('../dist/sandbox/remote/network-service.js');

const { PORT = '3100', DATA_DIR = './data/sandbox-network' } = process.env;
const network = new SandboxNetwork({ journal: `${DATA_DIR}/sandbox.jsonl` });
const service = await serveNetwork(network, { port: Number(PORT), logger: pino({ level: 'warn' }) });

console.error(`
  SANDBOX: a simulated WhatsApp for services on this machine.

  Phone         ${service.url}/sandbox/phone
  Double acts   ${service.url}/sandbox/double-acts

  Start a service on it with

WHATSAPP_DRIVER=sandbox SANDBOX_URL=${service.url} npm start
`);
for (const signal of ['SIGTERM', 'SIGINT'])
  process.once(signal, () => void service.close().then(() => process.exit(0)));
