import { DEFAULT_LIMITS } from '../../src/actors/domain/settings.ts';
import type { SupervisedAgent } from '../../src/actors/session/supervisor.machine.ts';

/** A port that only records its calls; promises never settle unless overridden. */
export function silentPort(overrides: Partial<SupervisedAgent> = {}): SupervisedAgent & { calls: string[] } {
  const calls: string[] = [];
  const never = () => new Promise<never>(() => undefined);
  const note =
    (name: string) =>
    (...args: unknown[]) => {
      calls.push([name, ...args.map(String)].join(' '));
    };
  return {
    calls,
    agent: { userId: 1, agentId: 'sales' },
    driver: undefined as never,
    limits: DEFAULT_LIMITS,
    qrMaxRefreshes: 2,
    isLinked: true,
    givesWay: false,
    attach: note('attach'),
    onMessage: note('message'),
    onAck: note('ack'),
    onCompatibility: note('compatibility'),
    onRestriction: note('restriction'),
    onUnreported: note('unreported'),
    takeSlot: never,
    freeSlot: note('freeSlot'),
    showQr: note('showQr'),
    linking: note('linking'),
    askPasskey: note('askPasskey'),
    endPasskey: note('endPasskey'),
    noteIncompatibility: note('incompatible'),
    linked: note('linked'),
    unlinked: note('unlinked'),
    openSession: note('openSession'),
    closeSession: note('closeSession'),
    logOut: never,
    closeClient: never,
    forgetCredentials: never,
    probe: never,
    reload: never,
    reportFaltering: note('faltering'),
    reportDown: note('down'),
    reportConnected: note('connected'),
    noteError: note('error'),
    random: () => 0.5,
    now: () => 0,
    monotonic: () => 0,
    abandon: note('abandon'),
    announceRestart: note('restart'),
    ...overrides,
  };
}

/** A port for `walk`, without the list of calls: XState goes through all of a context at each step of the walk. */
export function walkedPort(overrides: Partial<SupervisedAgent> = {}): SupervisedAgent {
  const { calls: _, ...port } = silentPort(overrides);
  return port;
}
