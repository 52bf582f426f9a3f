import type WAWebJS from 'whatsapp-web.js';
import { GatewayError } from '../../../actors/errors.ts';
import type { ImageFile, WhatsAppClient, WhatsAppDriver } from '../../../actors/ports.ts';
import { type ChromiumSettings, findChromium, launchOptions, runsUnsandboxed } from './chromium.ts';
import { type ClientDeadlines, WwebjsClient } from './client.ts';
import { killBrowsersOf } from './processes.ts';
import { Profile, profilesBelow } from './profile.ts';

export interface WwebjsOptions extends Omit<ChromiumSettings, 'protocolTimeoutMs'> {
  /** `WWEBJS_AUTH_DIR`. */
  authDir: string;
  /** `SEND_TIMEOUT_MS`. */
  sendTimeoutMs: number;
  deadlines?: Partial<ClientDeadlines>;
  onFault(where: string, error: unknown): void;
  /** Told once what the operator should know. */
  onNotice(text: string): void;
}

const DEADLINES = { startMs: 90_000, queryMs: 10_000, logoutMs: 10_000, closeMs: 5_000 };

/** The real WhatsApp: one Chromium per agent, its profile in `<WWEBJS_AUTH_DIR>/<agentId>`. */
export class WwebjsDriver implements WhatsAppDriver {
  readonly name = 'wwebjs';
  readonly #options: WwebjsOptions;
  readonly #deadlines: ClientDeadlines;
  readonly #clients = new Set<WwebjsClient>();

  constructor(options: WwebjsOptions) {
    this.#options = options;
    this.#deadlines = { ...DEADLINES, sendMs: options.sendTimeoutMs, ...options.deadlines };
  }

  async prepare(): Promise<void> {
    const { authDir, sandbox, onNotice } = this.#options;
    for (const profile of await profilesBelow(authDir)) await killBrowsersOf(profile.userDataDir, 5_000);
    if (!this.#executable()) onNotice('No Chromium found: install it, or set PUPPETEER_EXECUTABLE_PATH.');
    if (runsUnsandboxed(sandbox))
      onNotice("Chromium's own sandbox is off: run the service as a user that isn't root.");
  }

  create(agentId: string): WhatsAppClient {
    const profile = new Profile(this.#options.authDir, agentId);
    const client: WwebjsClient = new WwebjsClient({
      profile,
      deadlines: this.#deadlines,
      makeClient: () => this.#makeClient(profile),
      onFault: this.#options.onFault,
    });
    this.#clients.add(client);
    return client;
  }

  hasCredentials(agentId: string): Promise<boolean> {
    return new Profile(this.#options.authDir, agentId).isLinked();
  }

  async removeCredentials(agentId: string): Promise<void> {
    const profile = new Profile(this.#options.authDir, agentId);
    await killBrowsersOf(profile.userDataDir, this.#deadlines.closeMs);
    await profile.remove();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#clients].map((client) => client.destroy()));
    this.#clients.clear();
  }

  /** The Chromium to run, or null. */
  #executable(): string | null {
    return findChromium(this.#options.executablePath, this.#options.environment.PATH ?? '');
  }

  /** The library, loaded when the first session starts: it takes half a second. */
  async #makeClient(profile: Profile) {
    const executablePath = this.#executable();
    if (!executablePath) throw new GatewayError('SESSION_START_FAILED', 'No Chromium was found.');
    const { default: library } = await import('whatsapp-web.js');
    const client = new library.Client({
      authStrategy: keptProfile(library, profile.dir),
      // The default stores the page in the working directory, and would serve it instead of the site.
      webVersionCache: { type: 'none' },
      puppeteer: launchOptions(
        // Our own deadlines come first; this one ends what nobody waits for any more.
        { ...this.#options, protocolTimeoutMs: this.#deadlines.sendMs + 15_000 },
        executablePath,
      ),
    });
    return { client, mediaFromFile: (image: ImageFile) => mediaOf(library, image) };
  }
}

/** LocalAuth that leaves the profile alone: the library deletes it under the running browser (hazards 2, 5). */
function keptProfile(library: typeof WAWebJS, dataPath: string): WAWebJS.LocalAuth {
  const strategy = new library.LocalAuth({ dataPath });
  strategy.logout = () => Promise.resolve();
  return strategy;
}

/** The library's form of an image on disk. */
function mediaOf(library: typeof WAWebJS, image: ImageFile): WAWebJS.MessageMedia {
  const media = library.MessageMedia.fromFilePath(image.path);
  media.mimetype = image.mimetype;
  media.filename = image.filename;
  return media;
}
