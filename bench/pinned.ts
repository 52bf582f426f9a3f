import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

/** Where everything but the measured server runs: the load generator and the database. */
export const LOAD_CORE = 1;
/** Where the measured server runs, alone. */
export const SERVER_CORE = 0;

/** How Node is started for the service, the same in `npm start`, under pm2 and under systemd. */
export const NODE_ARGUMENTS = [
  '--max-semi-space-size=32',
  '--no-allocation-site-pretenuring',
  '--v8-pool-size=1',
];

const STOP_TIMEOUT_MS = 30_000;

/** True where processes can be bound to cores: Linux with util-linux and a second core. */
export const canPin =
  spawnSync('taskset', ['-c', `${SERVER_CORE},${LOAD_CORE}`, 'true'], { stdio: 'ignore' }).status === 0;

/** Binds all threads of a running process to a core; its children stay where they are. */
export function pin(pid: number, core: number): void {
  if (canPin) spawnSync('taskset', ['-a', '-c', '-p', String(core), String(pid)], { stdio: 'ignore' });
}

/** Starts a Node process beside us, with an IPC channel for its word that it is ready; stdout as told, or nowhere. */
export function spawnNode(
  args: string[],
  options: { env: NodeJS.ProcessEnv; cwd?: string; stdout?: number },
): ChildProcess {
  const { env, cwd, stdout = 'ignore' } = options;
  return spawn(process.execPath, args, { env, cwd, stdio: ['ignore', stdout, 'inherit', 'ipc'] });
}

/** The child's first IPC message. @throws Error when it ends before */
export async function firstWord(child: ChildProcess): Promise<unknown> {
  const gone = once(child, 'exit').then(([code]) => {
    throw new Error(`The server ended with ${code} before it was ready.`);
  });
  const [word] = await Promise.race([once(child, 'message'), gone]);
  return word;
}

/** Asks a child over its IPC channel; gives the `answer` of the message that it sends back. */
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

/** Ends a child by SIGTERM, and by SIGKILL when it takes longer than half a minute. */
export async function stopNode(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  const impatience = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  child.kill('SIGTERM');
  await gone;
  clearTimeout(impatience);
}
