import { setTimeout as delay } from 'node:timers/promises';
import type { Page } from 'puppeteer';
import type WAWebJS from 'whatsapp-web.js';
import type { Client } from 'whatsapp-web.js';

type Launch = WAWebJS.ClientOptions['puppeteer'];

/** Callbacks for what the library's client does by itself. */
export interface LibraryEvents {
  /** The page is there and has loaded nothing yet. */
  opened(page: Page): Promise<void>;
  /** Browser and page are there, and the page is about to be taken over: at the start, and at each reload. */
  injecting(): void;
  /** A page that was reloaded can't be taken over again: it neither sends nor hears. */
  lost(cause: string): void;
  /** Something failed where nobody waits for it. */
  fault(error: unknown): void;
}

/** One client of whatsapp-web.js that can't end the process. */
export interface Library {
  client: Client;
  /** From now on no page is taken over: the session is over or being ended. */
  letGo(): void;
}

/** Methods of the library that are not in its types. */
interface Internals {
  inject(): Promise<void>;
  initWebVersionCache(): Promise<void>;
  attachEventListeners(): Promise<void>;
  destroy(): Promise<void>;
}

/** How long a page may be without modules before the library is let try all the same, and how often it is looked at. */
const MODULES_MS = 10_000;
const AGAIN_MS = 100;

/** Waits until the page has modules: it may show its version, which is what the library waits for, before. */
async function untilModules(page: Page | undefined): Promise<void> {
  const until = performance.now() + MODULES_MS;
  while (page && !page.isClosed() && performance.now() < until) {
    if (await page.evaluate(`'require' in window`).catch(() => false)) return;
    await delay(AGAIN_MS);
  }
}

/**
 * Makes a client whose profile is `<dataPath>/session`. The library is loaded with the first one: it takes half a
 * second. It is used unmodified; what it does without holding the promise is held here (docs/hazards.md).
 */
export async function openLibrary(
  dataPath: string,
  launch: { puppeteer: Launch; userAgent: string | undefined },
  events: LibraryEvents,
): Promise<Library> {
  const { default: library } = await import('whatsapp-web.js');
  const authStrategy = new library.LocalAuth({ dataPath });
  // It would delete the profile under the running browser; the driver does, after its end (hazards 2, 5).
  authStrategy.logout = () => Promise.resolve();
  const client = new library.Client({ authStrategy, ...launch, webVersionCache: { type: 'none' } });
  return { client, letGo: harden(client, events) };
}

/** Holds the promises that the library lets float; answers how to make it let the page go. */
function harden(client: Client, events: LibraryEvents): () => void {
  const internals = client as unknown as Internals;
  const original = internals.inject.bind(client);
  const inject = () => untilModules(client.pupPage).then(original);
  const destroy = internals.destroy.bind(client);
  let injections = 0;
  let over = false;
  const injectAgain = async (): Promise<void> => {
    if (over) return;
    injections += 1;
    const mine = injections;
    events.injecting();
    // The first is awaited by `initialize`; later ones by nobody.
    if (mine === 1) return inject();
    await inject().catch((error: unknown) => {
      if (over) return;
      events.fault(error);
      // An iframe or a second reload overtakes an injection: only the newest one tells how it stands.
      if (mine === injections) events.lost('a reloaded page could not be taken over again');
    });
  };
  internals.inject = injectAgain;
  // Called by the library itself, un-awaited, when the socket is in a bad state.
  internals.destroy = () => destroy().catch(events.fault);
  // The step before the page is loaded. Even without a cache the library's own reads each response of the index, in a
  // promise that nobody holds.
  internals.initWebVersionCache = () => (client.pupPage ? events.opened(client.pupPage) : Promise.resolve());
  // The page layer listens for messages itself: the library's listeners need more of the page, and read keys by a name
  // that has changed.
  internals.attachEventListeners = () => Promise.resolve();
  return () => {
    over = true;
  };
}

/** Puppeteer stops listening for errors of the pipe when it closes; a reset after that would end the process. */
export function holdPipe(client: Client): void {
  for (const stream of client.pupBrowser?.process()?.stdio ?? []) stream?.on('error', () => undefined);
}
