import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { LaunchOptions } from 'puppeteer';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];
const MAC = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';

/**
 * Arguments that make a session smaller; bench/CHROMIUM.md has the effect of each. None removes what the page needs, nor
 * the sandbox: `--single-process` would. Puppeteer merges the feature lists with its own.
 */
export const MEMORY_ARGUMENTS = [
  // No software GL: the page is never displayed. What is left of the GPU process, a compositor, runs in the browser's
  // process, whose death is noticed, and so does the network service.
  '--disable-gpu',
  '--disable-software-rasterizer',
  '--in-process-gpu',
  '--enable-features=NetworkServiceInProcess2',
  // The process that only the GPU's and the network's would be forked from. Renderers keep theirs.
  '--no-unsandboxed-zygote',
  // One origin, one page: one renderer and none to spare.
  '--disable-site-isolation-trials',
  '--renderer-process-limit=1',
  // The address bar's popups are pages of their own, in a renderer of their own, though no window is ever shown.
  '--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup',
];

/** No traffic of Chromium's own, no sound, and no need of a large `/dev/shm`. */
const QUIET_ARGUMENTS = [
  '--disable-dev-shm-usage',
  '--disable-extensions',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-default-apps',
  '--disable-sync',
  '--mute-audio',
  '--no-first-run',
];

export interface ChromiumSettings {
  /** `PUPPETEER_EXECUTABLE_PATH`; searched for on the system when it is not given. */
  executablePath?: string;
  /** `CHROMIUM_ARGS`, after ours. */
  extraArgs: string[];
  /** `CHROMIUM_SANDBOX`. */
  sandbox: 'auto' | 'on' | 'off';
  /** How long one call over the protocol may take, in ms: the last resort behind our own deadlines. */
  protocolTimeoutMs: number;
  /** Chromium's environment; it is also searched for on its `PATH`. */
  environment: Record<string, string>;
}

/** True when the file can be run. */
function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Chromium or Chrome: the one named, or the first on the search path, or null. */
export function findChromium(explicit: string | undefined, searchPath: string): string | null {
  if (explicit) return isExecutable(explicit) ? explicit : null;
  const folders = searchPath.split(delimiter).filter(Boolean);
  const candidates = [...NAMES.flatMap((name) => folders.map((folder) => join(folder, name))), MAC];
  return candidates.find(isExecutable) ?? null;
}

/** True when Chromium runs without its own sandbox: configured, or as root, where it can't start with it. */
export function runsUnsandboxed(sandbox: ChromiumSettings['sandbox']): boolean {
  return sandbox === 'off' || (sandbox === 'auto' && process.getuid?.() === 0);
}

/**
 * How whatsapp-web.js launches Chromium: over a pipe, so that no debugging port is open and a killed service leaves no
 * orphan, and without puppeteer's signal handlers, which would interrupt the drain.
 */
export function launchOptions(settings: ChromiumSettings, executablePath: string): LaunchOptions {
  return {
    executablePath,
    headless: true,
    pipe: true,
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
    protocolTimeout: settings.protocolTimeoutMs,
    env: settings.environment,
    args: [
      ...MEMORY_ARGUMENTS,
      ...QUIET_ARGUMENTS,
      ...(runsUnsandboxed(settings.sandbox) ? ['--no-sandbox'] : []),
      ...settings.extraArgs,
    ],
  };
}

const PLATFORM = process.platform === 'darwin' ? 'Macintosh; Intel Mac OS X 10_15_7' : 'X11; Linux x86_64';
const VERSION_WITHIN_MS = 5_000;
const userAgents = new Map<string, Promise<string | undefined>>();

/**
 * The user agent that this browser has with a window: headless, it calls itself HeadlessChrome, which WhatsApp Web may
 * refuse, and the library's own is years old. Undefined, hence the library's, when the browser's version is unknown.
 */
export function userAgentOf(
  executablePath: string,
  env: Record<string, string>,
): Promise<string | undefined> {
  const known = userAgents.get(executablePath);
  if (known !== undefined) return known;
  const asked = new Promise<string | undefined>((resolve) => {
    execFile(executablePath, ['--version'], { timeout: VERSION_WITHIN_MS, env }, (_error, said = '') => {
      const [, major] = /(\d+)\.\d+\.\d+\.\d+/.exec(said) ?? [];
      resolve(
        major &&
          `Mozilla/5.0 (${PLATFORM}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${major}.0.0.0 Safari/537.36`,
      );
    });
  });
  userAgents.set(executablePath, asked);
  return asked;
}
