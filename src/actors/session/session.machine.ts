import { spawnChild, stopChild } from 'xstate';
import { sessionSetup } from './session.setup.ts';

/** How a session with a client can end; the same in every such state. */
const endings = sessionSetup.createStateConfig({
  on: {
    'client.disconnected': [
      { guard: 'isBlocked', target: '#agent.auth_failed.closing', actions: 'setReasonOfDisconnect' },
      { target: '#agent.disconnected.closing', actions: ['setReasonOfDisconnect', 'recordUnlinked'] },
    ],
    'client.auth_failure': {
      target: '#agent.auth_failed.closing',
      actions: { type: 'setReason', params: 'AUTH_FAILURE' },
    },
    'client.crashed': {
      target: '#agent.disconnected.closing',
      actions: ['recordError', { type: 'setReason', params: 'CRASH' }],
    },
    'client.failed': {
      target: '#agent.disconnected.closing',
      actions: ['recordError', 'setReasonOfFailure'],
    },
    'session.stop': { target: '#agent.disconnected.closing', actions: 'setReasonOfCommand' },
    'session.logout': { target: '#agent.disconnected.logging_out', actions: 'setReasonOfCommand' },
  },
}).on;

/** A log-out requested without a client, or with one that is not ready: a linked device is unlinked first. */
const logOut = (how: 'queued' | 'waiting', otherwise: 'closing' | 'logging_out') =>
  sessionSetup.createStateConfig({
    on: {
      'session.logout': [
        { guard: 'isLinked', target: `#agent.disconnected.unlinking.${how}`, actions: 'setReasonOfCommand' },
        { target: `#agent.disconnected.${otherwise}`, actions: 'setReasonOfCommand' },
      ],
    },
  }).on['session.logout'];

/** The same while the client is not ready: an incompatible page then explains why it never is. */
const unready = sessionSetup.createStateConfig({
  on: { ...endings, 'client.compatibility': { actions: 'setCompatibility' } },
}).on;

/** QRs are shown up to a number of refreshes, counted from the request on, over restarts in between. */
const showsQr = sessionSetup.createStateConfig({
  on: {
    'client.qr': [
      { guard: 'hasRefreshesLeft', target: '#agent.awaiting_qr.scanning', reenter: true },
      { target: '#agent.disconnected.closing', actions: { type: 'setReason', params: 'QR_EXPIRED' } },
    ],
  },
}).on['client.qr'];

/** No client yet: waiting for a slot to start. The limits of the starting clients bound the wait. */
const queued = (isRequested: boolean) =>
  sessionSetup.createStateConfig({
    on: {
      'session.stop': { target: '#agent.disconnected.closing', actions: 'setReasonOfCommand' },
      'session.logout': logOut('queued', 'closing'),
    },
    invoke: {
      src: 'slot',
      input: ({ context: { effects } }) => ({ effects, isRequested }),
      onDone: 'starting',
      onError: {
        target: '#agent.disconnected.closing',
        actions: { type: 'setReason', params: 'START_FAILED' },
      },
    },
  });

/** Creates the client. */
const starting = sessionSetup.createStateConfig({
  entry: spawnChild('client', { id: 'client', input: ({ context }) => context.effects }),
  exit: 'releaseSlot',
  always: { guard: 'isIncompatible', target: 'incompatible' },
  on: {
    ...unready,
    'session.logout': logOut('waiting', 'logging_out'),
    'client.qr': showsQr,
    'client.authenticated': 'linking',
    'client.ready': '#agent.connected',
  },
  after: {
    startLimit: {
      target: '#agent.disconnected.closing',
      actions: { type: 'setReason', params: 'START_TIMEOUT' },
    },
  },
});

/**
 * Authenticated, not ready yet. A refused saved session shows a QR here. Progress of the loading restarts the limit:
 * large accounts take minutes.
 */
const linking = sessionSetup.createStateConfig({
  entry: 'recordLinking',
  exit: 'resetPercent',
  always: { guard: 'isIncompatible', target: 'incompatible' },
  on: {
    ...unready,
    'session.logout': { target: '#agent.disconnected.unlinking.waiting', actions: 'setReasonOfCommand' },
    'client.qr': showsQr,
    'client.passkey': '#agent.awaiting_qr.passkey',
    'client.ready': '#agent.connected',
    'client.loading': { guard: 'isProgress', target: 'linking', reenter: true, actions: 'setPercent' },
  },
  after: {
    linkLimit: {
      target: '#agent.disconnected.recovering',
      actions: { type: 'setReason', params: 'LINK_TIMEOUT' },
    },
  },
});

/**
 * The page lacks something that a session needs. It may become ready all the same, and late modules may still load:
 * the client repeats its self-check.
 */
const incompatible = sessionSetup.createStateConfig({
  exit: 'resetPercent',
  always: { guard: 'isCompatible', target: 'linking' },
  on: {
    ...unready,
    'session.logout': logOut('waiting', 'logging_out'),
    'client.qr': showsQr,
    'client.authenticated': { actions: 'recordLinking' },
    'client.ready': '#agent.connected',
    'client.loading': { guard: 'isProgress', target: 'incompatible', reenter: true, actions: 'setPercent' },
  },
  after: {
    incompatibleLimit: {
      target: '#agent.disconnected.recovering',
      actions: ['recordIncompatibility', { type: 'setReason', params: 'INCOMPATIBLE' }],
    },
  },
});

/** The session is lost while its client runs: the supervisor decides at once whether to reload the page or stop. */
const recovering = sessionSetup.createStateConfig({
  entry: 'reportLost',
  on: { ...unready, 'session.reload': 'reloading' },
  after: { decisionLimit: 'closing' },
});

/** The page is being reloaded; the client then links with its saved credentials. */
const reloading = sessionSetup.createStateConfig({
  entry: 'resetCompatibility',
  on: {
    ...unready,
    'session.logout': logOut('waiting', 'logging_out'),
    'client.qr': showsQr,
    'client.ready': '#agent.connected',
  },
  invoke: {
    src: 'reloading',
    input: ({ context }) => context.effects,
    onDone: 'linking',
    onError: 'closing',
  },
});

/** The events of a client that is only needed for a log-out; the reason stays that of the log-out. */
const unlinkingEvents = sessionSetup.createStateConfig({
  on: {
    'client.ready': '#agent.disconnected.logging_out',
    'client.qr': { target: '#agent.disconnected.closing', actions: 'recordUnlinked' },
    'client.disconnected': { target: '#agent.disconnected.closing', actions: 'recordUnlinked' },
    'client.auth_failure': '#agent.disconnected.closing',
    'client.crashed': { target: '#agent.disconnected.closing', actions: 'recordError' },
    'client.failed': { target: '#agent.disconnected.closing', actions: 'recordError' },
  },
}).on;

/**
 * Linked, and to be logged out: only a client that is ready can unlink the device at the phone. One is started for
 * that unless there is one already. After the limit the device stays linked, which the caller's response says.
 */
const unlinking = sessionSetup.createStateConfig({
  initial: 'queued',
  on: { 'session.stop': { target: '#agent.disconnected.closing', actions: 'setReasonOfCommand' } },
  after: { unlinkLimit: '#agent.disconnected.closing' },
  states: {
    queued: {
      invoke: {
        src: 'slot',
        input: ({ context: { effects } }) => ({ effects, isRequested: true }),
        onDone: 'starting',
        onError: '#agent.disconnected.closing',
      },
    },
    starting: {
      entry: spawnChild('client', { id: 'client', input: ({ context }) => context.effects }),
      exit: 'releaseSlot',
      on: unlinkingEvents,
    },
    waiting: { on: unlinkingEvents },
  },
});

/** The client is being closed, within a limit; its events are ignored. */
const closing = sessionSetup.createStateConfig({
  entry: ['releaseSlot', 'resetCompatibility'],
  invoke: {
    src: 'closing',
    input: ({ context: { effects, reason } }) => ({ effects, reason }),
    onDone: 'idle',
    onError: 'idle',
  },
  exit: stopChild('client'),
});

/** No client. The supervisor decides what follows. */
const idle = sessionSetup.createStateConfig({
  entry: 'reportDown',
  on: {
    'session.start': [
      { guard: 'isFresh', target: '#agent.awaiting_qr.queued', actions: ['resetQrCount', 'clearReason'] },
      { target: '#agent.disconnected.queued' },
    ],
    'session.stop': { target: '#agent.disconnected.closing', actions: 'setReasonOfCommand' },
    'session.logout': logOut('queued', 'closing'),
  },
});

/**
 * The session of one agent: its top-level states are the stored ones, and each is a tag. Starts by request happen in
 * `awaiting_qr`, those with saved credentials in `disconnected`, so that the stored state never claims more than is
 * so. A session never restarts itself: it reports why it ended, and the supervisor decides.
 */
export const sessionMachine = sessionSetup.createMachine({
  id: 'agent',
  context: ({ input }) => ({
    effects: input.effects,
    reason: null,
    qrCount: 0,
    isIncompatible: false,
    percent: 0,
    probeTimeouts: 0,
    offlineProbes: 0,
  }),
  initial: 'disconnected',
  states: {
    awaiting_qr: {
      tags: 'awaiting_qr',
      initial: 'queued',
      states: {
        queued: queued(true),
        // Requested just now: the count of QRs starts here.
        starting: { ...starting, on: { ...starting.on, 'client.qr': 'scanning' } },
        scanning: {
          tags: 'qr',
          entry: ['showQr', 'countQr'],
          exit: 'hideQr',
          on: {
            ...unready,
            'client.qr': showsQr,
            'client.passkey': 'passkey',
            'client.authenticated': 'linking',
            'client.ready': '#agent.connected',
          },
          after: {
            qrStall: {
              target: '#agent.disconnected.closing',
              actions: { type: 'setReason', params: 'QR_STALLED' },
            },
          },
        },
        // Scanned by a phone that requires a passkey. The page goes on issuing QRs, which are of no use.
        passkey: {
          tags: 'passkey',
          entry: ['showPasskey', { type: 'setReason', params: 'PASSKEY_REQUIRED' }],
          exit: ['hidePasskey', 'clearReason'],
          on: {
            ...unready,
            'client.passkey': { actions: 'showPasskey' },
            'client.authenticated': 'linking',
            'client.ready': '#agent.connected',
          },
          after: {
            passkeyLimit: {
              target: '#agent.disconnected.closing',
              actions: { type: 'setReason', params: 'PASSKEY_REQUIRED' },
            },
          },
        },
        linking,
        incompatible,
      },
    },
    connected: {
      tags: 'connected',
      entry: [
        'recordLinked',
        'clearReason',
        'resetQrCount',
        'resetCompatibility',
        'openSession',
        'reportConnected',
      ],
      exit: 'closeSession',
      invoke: { src: 'dispatcher', input: ({ context }) => context.effects },
      on: { ...endings, 'client.compatibility': {} },
      initial: 'healthy',
      states: {
        healthy: {
          entry: 'resetProbes',
          on: { 'probe.due': 'probing', 'client.state': { guard: 'isOffline', target: 'suspect' } },
        },
        probing: {
          invoke: {
            src: 'probe',
            input: ({ context }) => context.effects,
            onDone: [
              { guard: { type: 'probedOnline', params: ({ event }) => event.output }, target: 'healthy' },
              { target: 'suspect', actions: 'countOfflineProbe' },
            ],
            onError: { target: 'suspect', actions: 'countProbeTimeout' },
          },
        },
        suspect: {
          always: [
            {
              guard: 'isUnresponsive',
              target: '#agent.disconnected.closing',
              actions: { type: 'setReason', params: 'UNRESPONSIVE' },
            },
            {
              guard: 'isOfflineTooLong',
              target: '#agent.disconnected.recovering',
              actions: { type: 'setReason', params: 'OFFLINE' },
            },
          ],
          on: { 'client.state': { guard: 'isOnline', target: 'healthy' } },
          after: { probeAgain: 'probing' },
        },
      },
    },
    disconnected: {
      tags: 'disconnected',
      initial: 'idle',
      states: {
        idle,
        queued: queued(false),
        starting,
        linking,
        incompatible,
        recovering,
        reloading,
        unlinking,
        logging_out: {
          entry: 'releaseSlot',
          invoke: {
            src: 'loggingOut',
            input: ({ context }) => context.effects,
            onDone: 'closing',
            onError: 'closing',
          },
        },
        closing,
      },
    },
    auth_failed: {
      tags: 'auth_failed',
      initial: 'closing',
      states: { closing, idle },
    },
  },
});
