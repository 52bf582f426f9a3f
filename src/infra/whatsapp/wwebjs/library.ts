import { setTimeout as delay } from 'node:timers/promises';
import type { Page } from 'puppeteer';
import type WAWebJS from 'whatsapp-web.js';
import type { Client } from 'whatsapp-web.js';

type Launch = WAWebJS.ClientOptions['puppeteer'];

/** Callbacks for what the library's client does by itself. */
export interface LibraryEvents {
  /** The page exists and has loaded nothing yet. */
  opened(page: Page): Promise<void>;
  /** The library is about to inject into the page: at the start, and at each reload. */
  injecting(): void;
  /** The injection into a reloaded page failed: it neither sends nor receives. */
  lost(cause: string): void;
  /** A failure without a caller. */
  fault(error: unknown): void;
}

/** One client of whatsapp-web.js that can't end the process. */
export interface Library {
  client: Client;
  /** Stops further injections: the session has ended. */
  detach(): void;
}

/** Members of the library's client that are not in its types. */
interface Internals {
  /** `authTimeoutMs`: how long the library waits for a page's version; 0 or missing: half a minute. */
  options: { authTimeoutMs?: number };
  inject(): Promise<void>;
  initWebVersionCache(): Promise<void>;
  attachEventListeners(): Promise<void>;
  destroy(): Promise<void>;
}

/** How long to wait at most for a page's modules before the library injects all the same, and how often to look. */
const MODULES_MS = 10_000;
const AGAIN_MS = 100;

/** Waits until the page has modules: the library waits for its version only, which may be there before. */
async function untilModules(page: Page | undefined, authTimeoutMs: number | undefined): Promise<void> {
  const until = performance.now() + Math.min(authTimeoutMs || MODULES_MS, MODULES_MS);
  while (page && !page.isClosed() && performance.now() < until) {
    if (await page.evaluate(`'require' in window`).catch(() => false)) return;
    await delay(AGAIN_MS);
  }
}

/**
 * Creates a client whose profile is `<dataPath>/session`. The library is loaded with the first one: that takes half a
 * second. It is used unmodified; promises that it leaves without a handler are handled here (docs/hazards.md).
 */
export async function openLibrary(
  dataPath: string,
  launch: { puppeteer: Launch; userAgent: string | undefined },
  events: LibraryEvents,
): Promise<Library> {
  const { default: library } = await import('whatsapp-web.js');
  const authStrategy = new library.LocalAuth({ dataPath });
  // It would delete the profile of the running browser; the driver does so later (hazards 2, 5).
  authStrategy.logout = () => Promise.resolve();
  const client = new library.Client({ authStrategy, ...launch, webVersionCache: { type: 'none' } });
  return { client, detach: harden(client, events) };
}

/** Handles the promises that the library leaves unhandled; returns what stops further injections. */
function harden(client: Client, events: LibraryEvents): () => void {
  const internals = client as unknown as Internals;
  const original = internals.inject.bind(client);
  const inject = () => untilModules(client.pupPage, internals.options.authTimeoutMs).then(original);
  const destroy = internals.destroy.bind(client);
  let injections = 0;
  let isDetached = false;
  const injectAgain = async (): Promise<void> => {
    if (isDetached) return;
    injections += 1;
    const mine = injections;
    events.injecting();
    // The first is awaited by `initialize`; later ones are not awaited.
    if (mine === 1) return inject();
    await inject().catch((error: unknown) => {
      if (isDetached) return;
      events.fault(error);
      // An iframe or a second reload supersedes an injection: only the newest one counts.
      if (mine === injections) events.lost('the injection into the reloaded page failed');
    });
  };
  internals.inject = injectAgain;
  // Called by the library itself, un-awaited, when the socket is in a bad state.
  internals.destroy = () => destroy().catch(events.fault);
  // The step before the page is loaded. Even without a cache the library's own reads each response of the index, in a
  // promise without a handler.
  internals.initWebVersionCache = () => (client.pupPage ? events.opened(client.pupPage) : Promise.resolve());
  // The page layer listens for messages itself: the library's listeners need more of the page, and read keys by a name
  // that has changed.
  internals.attachEventListeners = () => Promise.resolve();
  return () => {
    isDetached = true;
  };
}

/** Puppeteer stops listening for errors of the pipe when it closes; a reset after that would end the process. */
export function holdPipe(client: Client): void {
  for (const stream of client.pupBrowser?.process()?.stdio ?? []) stream?.on('error', () => undefined);
}
