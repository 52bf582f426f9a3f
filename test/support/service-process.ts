import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { eventually } from './eventually.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** The service as its own process, as an operator would run it. */
export interface ServiceProcess {
  child: ChildProcess;
  /** Everything it printed so far. */
  output(): string;
  /** Where it listens, once it says that it is ready. */
  url(): Promise<string>;
  /** Sends a signal and resolves with how it ended. */
  end(signal: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** Starts the service with this environment and nothing else of ours. */
export function startProcess(env: Record<string, string>): ServiceProcess {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN], {
    env: { PATH, HOME, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream!.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
    });
  }
  return {
    child,
    output: () => printed,
    url: () =>
      eventually('the service to be ready', () => {
        if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${printed}`);
        return /"url":"([^"]+)"/.exec(printed)?.[1];
      }),
    end: async (signal) => {
      const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
      child.kill(signal);
      const [code, by] = await ended;
      return { code, signal: by };
    },
  };
}
