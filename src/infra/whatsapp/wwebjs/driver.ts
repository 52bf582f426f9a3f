import { join } from 'node:path';
import type { Page } from 'puppeteer';
import { TEXTS } from '../../../actors/domain/error-texts.ts';
import { GatewayError } from '../../../actors/domain/errors.ts';
import type { AgentRef } from '../../../actors/domain/identity.ts';
import type { WhatsAppClient, WhatsAppDriver } from '../../../actors/domain/ports/whatsapp.ts';
import {
  type ChromiumSettings,
  findChromium,
  launchOptions,
  runsUnsandboxed,
  userAgentOf,
} from './chromium.ts';
import { type ClientDeadlines, WwebjsClient } from './client.ts';
import { type Library, type LibraryEvents, openLibrary } from './library.ts';
import { memoryOf } from './memory.ts';
import { pinBuild } from './pin.ts';
import { killBrowsersOf } from './processes.ts';
import { adoptProfiles, Profile, profilesBelow } from './profile.ts';

export interface WwebjsOptions extends Omit<ChromiumSettings, 'protocolTimeoutMs'> {
  /** `WWEBJS_AUTH_DIR`. */
  authDir: string;
  /** `SEND_TIMEOUT_MS`. */
  sendTimeoutMs: number;
  /** `WHATSAPP_WEB_VERSION` and `WHATSAPP_WEB_DIR`: a build of the page, stored as `<version>.html`. */
  webVersion?: string;
  webVersionDir?: string;
  deadlines?: Partial<ClientDeadlines>;
  onFault(where: string, error: unknown): void;
  /** Receives notices for the operator, once each. */
  onNotice(text: string): void;
}

const DEADLINES = { startMs: 90_000, queryMs: 10_000, historyMs: 30_000, logoutMs: 10_000, closeMs: 5_000 };

/** The real WhatsApp: one Chromium per agent, its profile in `<WWEBJS_AUTH_DIR>/<agentId>`. */
export class WwebjsDriver implements WhatsAppDriver {
  readonly name = 'wwebjs';
  readonly #options: WwebjsOptions;
  readonly #deadlines: ClientDeadlines;
  readonly #clients = new Map<WwebjsClient, string>();

  constructor(options: WwebjsOptions) {
    this.#options = options;
    this.#deadlines = { ...DEADLINES, sendMs: options.sendTimeoutMs, ...options.deadlines };
  }

  async prepare(): Promise<void> {
    const { authDir, sandbox, onNotice } = this.#options;
    for (const profile of await profilesBelow(authDir)) await killBrowsersOf(profile.userDataDir, 5_000);
    if (!this.#executable()) onNotice(`No session can start yet. ${this.#missing()}`);
    else if (runsUnsandboxed(sandbox))
      onNotice("Chromium's own sandbox is off: run the service as a user that isn't root.");
  }

  adopt(agents: readonly AgentRef[]): Promise<void> {
    return adoptProfiles(this.#options.authDir, agents);
  }

  create(agent: AgentRef): WhatsAppClient {
    const profile = new Profile(this.#options.authDir, agent);
    const client: WwebjsClient = new WwebjsClient({
      profile,
      deadlines: this.#deadlines,
      open: (events) => this.#open(profile, events),
      pinned: this.#options.webVersion,
      preparePage: (page) => this.#preparePage(page),
      onFault: this.#options.onFault,
      onEnd: () => this.#clients.delete(client),
    });
    this.#clients.set(client, agent.agentId);
    return client;
  }

  hasCredentials(agent: AgentRef): Promise<boolean> {
    return new Profile(this.#options.authDir, agent).isLinked();
  }

  async removeCredentials(agent: AgentRef): Promise<void> {
    const profile = new Profile(this.#options.authDir, agent);
    if (await profile.isOfAnother()) return;
    await killBrowsersOf(profile.userDataDir, this.#deadlines.closeMs);
    await profile.remove();
  }

  async memory(): Promise<ReadonlyMap<string, number>> {
    const agents = new Map<number, string>();
    for (const [client, agentId] of this.#clients) {
      if (client.browserPid !== undefined) agents.set(client.browserPid, agentId);
    }
    const sizes = await memoryOf([...agents.keys()]);
    return new Map([...sizes].map(([pid, bytes]) => [agents.get(pid)!, bytes]));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#clients.keys()].map((client) => client.destroy()));
  }

  /** The Chromium to run, or null. */
  #executable(): string | null {
    return findChromium(this.#options.executablePath, this.#options.environment.PATH ?? '');
  }

  /** What to do about a missing Chromium. */
  #missing(): string {
    return this.#options.executablePath
      ? TEXTS.SESSION_START_FAILED.notExecutable
      : TEXTS.SESSION_START_FAILED.noChromium;
  }

  /** Serves the pinned build of WhatsApp Web, where one is configured. */
  async #preparePage(page: Page): Promise<void> {
    const { webVersion, webVersionDir } = this.#options;
    if (webVersion && webVersionDir) await pinBuild(page, join(webVersionDir, `${webVersion}.html`));
  }

  /** The library's client on a profile. */
  async #open(profile: Profile, events: LibraryEvents): Promise<Library> {
    const executablePath = this.#executable();
    if (!executablePath) throw new GatewayError('SESSION_START_FAILED', this.#missing());
    // Our own deadlines are shorter; this one ends calls without a caller.
    const protocolTimeoutMs = this.#deadlines.sendMs + 15_000;
    const launch = launchOptions({ ...this.#options, protocolTimeoutMs }, executablePath);
    const userAgent = await userAgentOf(executablePath, this.#options.environment);
    return openLibrary(profile.dir, { puppeteer: launch, userAgent }, events);
  }
}
