// What a test needs of the gateway's sandbox: start it, call it, wait for it. Copy it beside your own tests.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

// The gateway's folder: here it is the one above.
const GATEWAY = process.env.GATEWAY ?? fileURLToPath(new URL('..', import.meta.url));
const PATIENCE_MS = 30_000;

/** Asks again and again until `look` gives something. */
export async function until(what, look) {
  const end = Date.now() + PATIENCE_MS;
  while (Date.now() < end) {
    const found = await look();
    if (found) return found;
    await delay(20);
  }
  throw new Error(`Waited in vain for ${what}.`);
}

/** Starts the gateway on the simulated WhatsApp, on a free port and with nothing stored; gives its process and URL. */
async function start(env) {
  const options = { cwd: GATEWAY, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] };
  const child = spawn('npm', ['start', '--silent'], options);
  const url = await new Promise((resolve, reject) => {
    // One JSON object a line; the line that says it is ready has the URL.
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { event, url } = JSON.parse(line);
      if (event === 'service.ready') resolve(url);
    });
    child.once('exit', () => reject(new Error('The sandbox did not start.')));
  });
  return { child, url };
}

/** A sandbox with this AI behind it, and what tests do with it. */
export async function startSandbox({ aiBackendUrl }) {
  const dir = await mkdtemp(join(tmpdir(), 'sandbox-'));
  const settings = {
    WHATSAPP_DRIVER: 'sandbox',
    AI_BACKEND_URL: aiBackendUrl,
    PORT: '0',
    DATA_DIR: dir,
    // Set, but empty: whatever a .env says, the database is the sandbox's own.
    DB_URL: '',
  };
  const { child, url } = await start(settings);

  /** One call of the API, with the agent's key where one is needed; rejects with what the API refuses. */
  async function call(method, path, { body, key } = {}) {
    const headers = { 'Content-Type': 'application/json', ...(key && { Authorization: `Bearer ${key}` }) };
    const response = await fetch(url + path, { method, headers, body: body && JSON.stringify(body) });
    const answer = await response.json();
    if (response.ok) return answer;
    throw Object.assign(new Error(answer.error.message), { status: response.status, ...answer.error });
  }

  /** Creates an agent, links a phone to it, and waits for the connection. */
  async function link(agentId, key) {
    await call('POST', '/sessions', { body: { userId: 7, agentId, agentName: agentId, apikey: key } });
    await call('POST', `/sandbox/phones/${agentId}/scan`);
    const isConnected = async () => (await call('GET', `/sessions/${agentId}`)).status === 'connected';
    await until('the connection', isConnected);
  }

  /** The texts that somebody has got. */
  async function inbox(number) {
    const messages = await call('GET', `/sandbox/people/${number}/messages`);
    return messages.filter((message) => !message.fromMe).map((message) => message.body);
  }

  return {
    call,
    link,
    inbox,
    /** Waits until somebody has got a text, and gives it. */
    received: (number) => until(`a text for ${number}`, async () => (await inbox(number))[0]),
    /** A customer writes to an agent. */
    write: (agentId, from, name, text) =>
      call('POST', `/sandbox/phones/${agentId}/messages`, { body: { from, name, text } }),
    /** Lets time pass at once, for the whole gateway. */
    advance: (advanceMs) => call('POST', '/sandbox/clock', { body: { advanceMs } }),
    /** Begins anew: no sessions, nobody on the network, the same ids as last time. */
    reset: () => call('POST', '/sandbox/reset', { body: { seed: 'my tests' } }),
    async stop() {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
      await rm(dir, { recursive: true, force: true });
    },
  };
}
