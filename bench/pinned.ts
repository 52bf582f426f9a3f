import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

/** The core of everything but the measured server: load generator and database. */
export const LOAD_CORE = 1;
/** The core of the measured server alone. */
export const SERVER_CORE = 0;

/** Node's arguments for the service, as in `npm start`, pm2 and systemd. */
export const NODE_ARGUMENTS = [
  '--max-semi-space-size=32',
  '--no-allocation-site-pretenuring',
  '--v8-pool-size=1',
];

const STOP_TIMEOUT_MS = 30_000;

/** Whether processes can be bound to cores: Linux with util-linux and a second core. */
export const canPin =
  spawnSync('taskset', ['-c', `${SERVER_CORE},${LOAD_CORE}`, 'true'], { stdio: 'ignore' }).status === 0;

/** Binds all threads of a running process to a core, but not its children. */
export function pin(pid: number, core: number): void {
  if (canPin) spawnSync('taskset', ['-a', '-c', '-p', String(core), String(pid)], { stdio: 'ignore' });
}

/** Starts a Node process with an IPC channel, on which it reports that it is ready; stdout is ignored by default. */
export function spawnNode(
  args: string[],
  options: { env: NodeJS.ProcessEnv; cwd?: string; stdout?: number },
): ChildProcess {
  const { env, cwd, stdout = 'ignore' } = options;
  return spawn(process.execPath, args, { env, cwd, stdio: ['ignore', stdout, 'inherit', 'ipc'] });
}

/** The child's first IPC message. @throws Error when it exits before */
export async function firstWord(child: ChildProcess): Promise<unknown> {
  const gone = once(child, 'exit').then(([code]) => {
    throw new Error(`The server exited with ${code} before it was ready.`);
  });
  const [word] = await Promise.race([once(child, 'message'), gone]);
  return word;
}

/** Sends a request to a child over IPC; resolves with the `answer` of its response. */
export function ask(child: ChildProcess, question: object): Promise<unknown> {
  return new Promise((resolve) => {
    const onMessage = (message: unknown) => {
      if (typeof message !== 'object' || message === null || !('answer' in message)) return;
      child.off('message', onMessage);
      resolve(message.answer);
    };
    child.on('message', onMessage);
    child.send(question);
  });
}

/** Stops a child with SIGTERM, and with SIGKILL after half a minute. */
export async function stopNode(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  const impatience = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  child.kill('SIGTERM');
  await gone;
  clearTimeout(impatience);
}
