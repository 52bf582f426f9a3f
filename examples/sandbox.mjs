// Starts and drives the gateway's sandbox for tests. Copy it beside your own tests.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

// The gateway's folder: here the parent folder.
const GATEWAY = process.env.GATEWAY ?? fileURLToPath(new URL('..', import.meta.url));
const TIMEOUT_MS = 30_000;

/** Polls until `look` returns a value. @throws Error after 30 s */
export async function until(what, look) {
  const end = Date.now() + TIMEOUT_MS;
  while (Date.now() < end) {
    const found = await look();
    if (found) return found;
    await delay(20);
  }
  throw new Error(`Timed out waiting for ${what}.`);
}

/** Starts the gateway on the simulated WhatsApp; returns its process and URL. */
async function start(env) {
  const options = { cwd: GATEWAY, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] };
  const child = spawn('npm', ['start', '--silent'], options);
  const url = await new Promise((resolve, reject) => {
    // One JSON object per line; the `service.ready` line has the URL.
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { event, url } = JSON.parse(line);
      if (event === 'service.ready') resolve(url);
    });
    child.once('exit', () => reject(new Error('The sandbox did not start.')));
  });
  return { child, url };
}

/** A sandbox with this AI backend, and the functions that tests use. */
export async function startSandbox({ aiBackendUrl }) {
  const dir = await mkdtemp(join(tmpdir(), 'sandbox-'));
  const settings = {
    WHATSAPP_DRIVER: 'sandbox',
    AI_BACKEND_URL: aiBackendUrl,
    PORT: '0',
    DATA_DIR: dir,
    // Empty, to override a .env: the sandbox uses its own database.
    DB_URL: '',
  };
  const { child, url } = await start(settings);

  /** One call of the API, with the agent's key if given; rejects with the API's error. */
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

  /** The texts that a number has received, oldest first. */
  async function inbox(number) {
    const messages = await call('GET', `/sandbox/people/${number}/messages`);
    return messages.filter((message) => !message.fromMe).map((message) => message.body);
  }

  return {
    call,
    link,
    inbox,
    /** Waits for a text to a number and returns it. */
    received: (number) => until(`a text for ${number}`, async () => (await inbox(number))[0]),
    /** Sends a text from a customer to an agent. */
    write: (agentId, from, name, text) =>
      call('POST', `/sandbox/phones/${agentId}/messages`, { body: { from, name, text } }),
    /** Advances the clock of the whole gateway. */
    advance: (advanceMs) => call('POST', '/sandbox/clock', { body: { advanceMs } }),
    /** Resets the sandbox: no sessions, an empty network, the same ids in every run. */
    reset: () => call('POST', '/sandbox/reset', { body: { seed: 'my tests' } }),
    async stop() {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
      await rm(dir, { recursive: true, force: true });
    },
  };
}
