import type { AgentRef } from '../domain/identity.ts';
import type { SettingsStore } from '../domain/ports/stores.ts';
import {
  type ActorSettings,
  type AgentSettings,
  type EffectiveSettings,
  NO_SETTINGS,
} from '../domain/settings.ts';

/** What the settings of all agents share. */
export interface SettingsOfAgentDeps {
  settings: Pick<
    ActorSettings,
    'inboundTypes' | 'aiMedia' | 'debounceMs' | 'debounceMaxMs' | 'handoverMinutes'
  >;
  agentSettings: SettingsStore;
}

/** The settings of one agent, in memory and in the database; this process alone changes them. */
export class SettingsOfAgent {
  readonly #deps: SettingsOfAgentDeps;
  readonly #agent: AgentRef;
  #stored: AgentSettings = NO_SETTINGS;
  #effective: EffectiveSettings;
  #loaded: Promise<void> | null = null;
  /** Orders the changes: each keeps what it does not name. */
  #line: Promise<unknown> = Promise.resolve();

  constructor(deps: SettingsOfAgentDeps, agent: AgentRef) {
    this.#deps = deps;
    this.#agent = agent;
    this.#effective = this.#withDefaults(NO_SETTINGS);
  }

  /** Reads what is stored; once, unless it fails. @throws GatewayError `DATABASE_UNAVAILABLE` */
  load(): Promise<void> {
    this.#loaded ??= this.#load().catch((error: unknown) => {
      this.#loaded = null;
      throw error;
    });
    return this.#loaded;
  }

  /** As they are now, with the defaults in place of null. */
  get effective(): EffectiveSettings {
    return this.#effective;
  }

  /** As they are stored. @throws GatewayError `DATABASE_UNAVAILABLE` */
  async read(): Promise<AgentSettings> {
    await this.load();
    return this.#stored;
  }

  /** Changes what is named; stored first. @throws GatewayError `DATABASE_UNAVAILABLE` */
  async change(changes: Partial<AgentSettings>): Promise<AgentSettings> {
    await this.load();
    const changed = this.#line.then(async () => {
      const settings = { ...this.#stored, ...changes };
      await this.#deps.agentSettings.save(this.#agent, settings);
      this.#use(settings);
      return settings;
    });
    this.#line = changed.catch(() => undefined);
    return changed;
  }

  async #load(): Promise<void> {
    this.#use(await this.#deps.agentSettings.load(this.#agent));
  }

  #use(settings: AgentSettings): void {
    this.#stored = settings;
    this.#effective = this.#withDefaults(settings);
  }

  #withDefaults(stored: AgentSettings): EffectiveSettings {
    const { inboundTypes, aiMedia, debounceMs, debounceMaxMs, handoverMinutes, ignore, replyDelay } = stored;
    const defaults = this.#deps.settings;
    return {
      inboundTypes: inboundTypes ?? defaults.inboundTypes,
      aiMedia: aiMedia ?? defaults.aiMedia,
      debounceMs: debounceMs ?? defaults.debounceMs,
      debounceMaxMs: debounceMaxMs ?? defaults.debounceMaxMs,
      handoverMinutes: handoverMinutes ?? defaults.handoverMinutes,
      ignore: ignore ?? [],
      replyDelay: replyDelay ?? { perCharacterMs: 0, maxMs: 0 },
    };
  }
}
