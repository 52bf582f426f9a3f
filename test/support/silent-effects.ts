import { DEFAULT_LIMITS } from '../../src/actors/domain/settings.ts';
import type { Effects } from '../../src/actors/session/session-effects.ts';

/** What a test decides about the effects. */
export interface EffectOverrides extends Partial<Omit<Effects, 'link'>> {
  /** Called when the session became ready. */
  linked?(): void;
}

/** Effects that do nothing; each call is passed to `note`. Promises never settle unless overridden. */
export function silentEffects(
  { linked, ...overrides }: EffectOverrides = {},
  note: (call: string) => void = () => undefined,
): Effects {
  const noting =
    (name: string) =>
    (...args: unknown[]) =>
      note([name, ...args.map(String)].join(' '));
  const never = () => new Promise<never>(() => undefined);
  const link = {
    linking: noting('linking'),
    linked: linked ?? noting('linked'),
    unlinked: noting('unlinked'),
  } as Partial<Effects['link']> as Effects['link'];
  return {
    link,
    limits: DEFAULT_LIMITS,
    qrMaxRefreshes: 2,
    isLinked: true,
    isReplaceable: false,
    lastError: undefined,
    createClient: () => undefined as never,
    releaseClient: noting('releaseClient'),
    acquireSlot: never,
    releaseSlot: noting('releaseSlot'),
    showQr: noting('showQr'),
    showPasskey: noting('showPasskey'),
    hidePasskey: noting('hidePasskey'),
    recordIncompatibility: noting('incompatible'),
    recordError: noting('error'),
    openSession: noting('openSession'),
    closeSession: noting('closeSession'),
    startDispatcher: () => noting('stopDispatcher'),
    logOut: never,
    closeClient: never,
    deleteCredentials: never,
    probe: never,
    reload: never,
    sessionDown: noting('down'),
    releaseCrashed: noting('releaseCrashed'),
    ...overrides,
  };
}
