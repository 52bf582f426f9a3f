import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { eventually } from './eventually.ts';
import type { DoorRequest } from './service-door.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const DOOR = new URL('service-door.ts', import.meta.url).href;

/** A new database takes seconds, but up to a minute on a busy machine. */
const START_WITHIN_MS = 120_000;

/** The service as its own process, as an operator would run it. */
export interface ServiceProcess {
  child: ChildProcess;
  /** Its output so far. */
  output(): string;
  /** Its URL, once it is ready. */
  url(): Promise<string>;
  /** Sends a signal and resolves with its exit. */
  end(signal: NodeJS.Signals): Promise<Ended>;
  /** Resolves with its exit, for whatever reason. */
  ended: Promise<Ended>;
  /** Sends a request to a process started with a door; resolves once it is carried out. */
  ask(request: DoorRequest): Promise<void>;
}

interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** Starts the service with only this environment; `door` lets the test in (service-door.ts). */
export function startProcess(env: Record<string, string>, door = false): ServiceProcess {
  const { PATH = '', HOME = '' } = process.env;
  const doorArguments = door ? ['--import', DOOR] : [];
  const child = spawn(process.execPath, ['--import', 'tsx', ...doorArguments, MAIN], {
    env: { PATH, HOME, PORT: '0', ...env },
    stdio: door ? ['ignore', 'pipe', 'pipe', 'ipc'] : ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'exit').then(([code, signal]): Ended => ({ code, signal }));
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
      eventually(
        'the service to be ready',
        () => {
          if (child.exitCode !== null || child.signalCode !== null)
            throw new Error(`it ended with ${child.exitCode ?? child.signalCode}: ${printed}`);
          return /"url":"([^"]+)"/.exec(printed)?.[1];
        },
        START_WITHIN_MS,
      ),
    end: (signal) => {
      child.kill(signal);
      return ended;
    },
    ended,
    ask: async (request) => {
      const obeyed = new Promise<void>((resolve) => {
        const onMessage = (message: unknown) => {
          // pm2's `ready` comes over the same channel.
          if (typeof message !== 'object') return;
          child.off('message', onMessage);
          resolve();
        };
        child.on('message', onMessage);
      });
      child.send(request);
      return obeyed;
    },
  };
}
