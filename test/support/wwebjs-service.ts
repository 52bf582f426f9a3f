import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UNLIMITED } from './fixtures.ts';
import { linkAgent } from './link-agent.ts';
import { startProcess } from './service-process.ts';
import { WwebjsWorld } from './wwebjs.ts';

/** The service as its own process, with whatsapp-web.js in Chromium on the stand-in page of this process. */
export interface WwebjsService {
  url: string;
  pid: number;
  world: WwebjsWorld;
  /** Creates an agent and links it to a number. */
  link(agentId: string, number: string): Promise<void>;
  close(): Promise<void>;
}

/** Starts one on a database. */
export async function startWwebjsService(executablePath: string, dbUrl: string): Promise<WwebjsService> {
  const world = await WwebjsWorld.open(executablePath);
  const dir = await realpath(await mkdtemp(join(tmpdir(), 'service-')));
  // An argument with spaces can't be given by the environment.
  const chromium = join(dir, 'chromium');
  const quoted = world.standIn.chromiumArgs.map((arg) => `'${arg}'`).join(' ');
  await writeFile(chromium, `#!/bin/sh\nexec '${executablePath}' "$@" ${quoted}\n`, { mode: 0o700 });
  const service = startProcess({
    WHATSAPP_DRIVER: 'wwebjs',
    PUPPETEER_EXECUTABLE_PATH: chromium,
    DB_URL: dbUrl,
    DATA_DIR: join(dir, 'data'),
    TEMP_DIR: join(dir, 'temp'),
    WWEBJS_AUTH_DIR: join(dir, 'auth'),
    ...UNLIMITED,
  });
  const close = async () => {
    await service.end('SIGTERM');
    await world.close();
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const url = await service.url();
    return {
      url,
      pid: service.child.pid!,
      world,
      link: (agentId, number) => linkAgent({ url, network: world.network }, agentId, number),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
