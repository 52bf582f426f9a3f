import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { LaunchOptions } from 'puppeteer';
import { childEnvironment } from '../src/infra/config.ts';
import {
  findChromium,
  launchOptions,
  MEMORY_ARGUMENTS,
  runsUnsandboxed,
} from '../src/infra/whatsapp/wwebjs/chromium.ts';
import { SandboxNetwork } from '../src/sandbox/network/network.ts';
import { startStandIn } from '../test/support/stand-in/index.ts';
import { BrowserSessions } from './browser-sessions.ts';
import {
  type ArgumentRow,
  chromiumGoals,
  chromiumReport,
  type Sizes,
  type Variant,
} from './chromium-report.ts';
import { publish } from './publish.ts';

// The memory of linked sessions on the stand-in page: whatsapp-web.js with its defaults and with our arguments, also in
// chromium-headless-shell if installed; and the effect of each argument, by leaving it out.

const SESSIONS = [1, 2, 4];
const ROUNDS = 5;
const ARGUMENT_ROUNDS = 3;
const MB = 1e6;

const { values: options } = parseArgs({
  options: { shell: { type: 'string', default: '/usr/lib/chromium/chromium-headless-shell' } },
});
const network = new SandboxNetwork();
const standIn = await startStandIn(network);
const environment = childEnvironment();
const chromium = findChromium(process.env.PUPPETEER_EXECUTABLE_PATH, environment.PATH ?? '');
if (!chromium) throw new Error('No Chromium was found.');

/** The library's defaults; as root Chromium needs one more argument. */
function defaults(executablePath: string): LaunchOptions {
  const asRoot = runsUnsandboxed('auto') ? ['--no-sandbox'] : [];
  return { headless: true, executablePath, args: [...standIn.chromiumArgs, ...asRoot] };
}

/** The service's arguments, all or without one. */
function ours(executablePath: string, without?: string): LaunchOptions {
  const { chromiumArgs: extraArgs } = standIn;
  const settings = { extraArgs, sandbox: 'auto', protocolTimeoutMs: 60_000, environment } as const;
  const launch = launchOptions(settings, executablePath);
  return { ...launch, args: launch.args?.filter((argument) => argument !== without) };
}

/** MB by number of sessions, in newly started browsers. */
async function measure(launch: LaunchOptions, counts: readonly number[]): Promise<Sizes> {
  const sessions = await BrowserSessions.open(network, launch);
  try {
    const sizes: Sizes = { counts, pss: [], file: [] };
    for (let count = 1; count <= counts.at(-1)!; count += 1) {
      await sessions.add(`62811${String(count).padStart(8, '0')}`);
      if (!counts.includes(count)) continue;
      const { pss, file } = await sessions.footprint();
      sizes.pss.push(pss / MB);
      sizes.file.push(file / MB);
    }
    return sizes;
  } finally {
    await sessions.close();
  }
}

/** Measures the variants in turns. */
async function measureVariants(shell: string | null): Promise<Variant[]> {
  const plain = [
    { name: "whatsapp-web.js's defaults", launch: defaults(chromium!) },
    { name: 'our arguments', launch: ours(chromium!) },
  ];
  const small = shell
    ? [
        { name: 'headless shell, defaults', launch: defaults(shell) },
        { name: 'headless shell, our arguments', launch: ours(shell) },
      ]
    : [];
  const variants = [...plain, ...small].map((variant) => ({ ...variant, rounds: [] as Sizes[] }));
  for (let round = 1; round <= ROUNDS; round += 1) {
    for (const { name, launch, rounds } of variants) {
      const sizes = await measure(launch, SESSIONS);
      rounds.push(sizes);
      console.log(`round ${round}: ${name}: ${sizes.pss.map(Math.round).join(', ')} MB`);
    }
  }
  return variants;
}

/** Measures without each argument; the row without a name has all of them. */
async function measureArguments(): Promise<ArgumentRow[]> {
  const rows = [undefined, ...MEMORY_ARGUMENTS].map((name) => ({ name, rounds: [] as Sizes[] }));
  for (let round = 1; round <= ARGUMENT_ROUNDS; round += 1) {
    for (const { name, rounds } of rows) {
      const sizes = await measure(ours(chromium!, name), [1, 3]);
      rounds.push(sizes);
      console.log(`round ${round}: without ${name ?? 'any'}: ${sizes.pss.map(Math.round).join(', ')} MB`);
    }
  }
  return rows;
}

const shell = existsSync(options.shell) ? options.shell : null;
const version = execFileSync(chromium, ['--version'], { encoding: 'utf8' }).trim();
try {
  const variants = await measureVariants(shell);
  const text = chromiumReport(variants, await measureArguments(), version);
  publish('chromium', text, chromiumGoals(variants));
  console.log(text);
} finally {
  await standIn.close();
  network.close();
}
