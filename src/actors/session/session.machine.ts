import { spawnChild, stopChild } from 'xstate';
import { sessionSetup } from './session.setup.ts';

/** How a session that has a client can end; the same in every such state. */
const endings = sessionSetup.createStateConfig({
  on: {
    'client.disconnected': [
      { guard: 'isBlocked', target: '#agent.auth_failed.closing', actions: 'becauseItDisconnected' },
      { target: '#agent.disconnected.closing', actions: ['becauseItDisconnected', 'noteUnlinked'] },
    ],
    'client.auth_failure': {
      target: '#agent.auth_failed.closing',
      actions: { type: 'because', params: 'AUTH_FAILURE' },
    },
    'client.crashed': {
      target: '#agent.disconnected.closing',
      actions: ['noteError', { type: 'because', params: 'CRASH' }],
    },
    'client.failed': { target: '#agent.disconnected.closing', actions: ['noteError', 'becauseItFailed'] },
    'session.stop': { target: '#agent.disconnected.closing', actions: 'becauseAsked' },
    'session.logout': { target: '#agent.disconnected.logging_out', actions: 'becauseAsked' },
  },
}).on;

/** A log-out asked for while there is no client, or one that is not ready: a linked device is unlinked first. */
const logOut = (how: 'queued' | 'waiting', otherwise: 'closing' | 'logging_out') =>
  sessionSetup.createStateConfig({
    on: {
      'session.logout': [
        { guard: 'isLinked', target: `#agent.disconnected.unlinking.${how}`, actions: 'becauseAsked' },
        { target: `#agent.disconnected.${otherwise}`, actions: 'becauseAsked' },
      ],
    },
  }).on['session.logout'];

/** The same as long as it is not ready: then a page that lacks something says why it doesn't get there. */
const unready = sessionSetup.createStateConfig({
  on: { ...endings, 'client.compatibility': { actions: 'noteCompatibility' } },
}).on;

/** A QR is shown as long as somebody may be waiting for it; restarts in between don't begin the count anew. */
const showsQr = sessionSetup.createStateConfig({
  on: {
    'client.qr': [
      { guard: 'hasRefreshesLeft', target: '#agent.awaiting_qr.scanning', reenter: true },
      { target: '#agent.disconnected.closing', actions: { type: 'because', params: 'QR_EXPIRED' } },
    ],
  },
}).on['client.qr'];

/** The phone has scanned, and wants a passkey before it links. */
const asksPasskey = '#agent.awaiting_qr.passkey';

/** No client yet: waiting for a place to start. The limits of those who start bound the wait. */
const queued = (isAsked: boolean) =>
  sessionSetup.createStateConfig({
    on: {
      'session.stop': { target: '#agent.disconnected.closing', actions: 'becauseAsked' },
      'session.logout': logOut('queued', 'closing'),
    },
    invoke: {
      src: 'slot',
      input: ({ context }) => ({ agent: context.agent, isAsked }),
      onDone: 'starting',
      onError: {
        target: '#agent.disconnected.closing',
        actions: { type: 'because', params: 'START_FAILED' },
      },
    },
  });

/** The one place where a client is made. */
const starting = sessionSetup.createStateConfig({
  entry: spawnChild('client', { id: 'client', input: ({ context }) => context.agent }),
  exit: 'freeSlot',
  always: { guard: 'isBroken', target: 'incompatible' },
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
      actions: { type: 'because', params: 'START_TIMEOUT' },
    },
  },
});

/**
 * Authenticated, not ready yet. A refused saved session shows a QR here. A loading that moves on is given its time:
 * large accounts take minutes.
 */
const linking = sessionSetup.createStateConfig({
  entry: 'noteLinking',
  exit: 'forgetPercent',
  always: { guard: 'isBroken', target: 'incompatible' },
  on: {
    ...unready,
    'session.logout': { target: '#agent.disconnected.unlinking.waiting', actions: 'becauseAsked' },
    'client.qr': showsQr,
    'client.passkey': asksPasskey,
    'client.ready': '#agent.connected',
    'client.loading': { guard: 'isMoving', target: 'linking', reenter: true, actions: 'notePercent' },
  },
  after: {
    linkLimit: {
      target: '#agent.disconnected.faltering',
      actions: { type: 'because', params: 'LINK_TIMEOUT' },
    },
  },
});

/**
 * The page lacks something that a session needs. It may become ready all the same, and what loads late may still come:
 * the client checks again.
 */
const incompatible = sessionSetup.createStateConfig({
  exit: 'forgetPercent',
  always: { guard: 'isWhole', target: 'linking' },
  on: {
    ...unready,
    'session.logout': logOut('waiting', 'logging_out'),
    'client.qr': showsQr,
    'client.authenticated': { actions: 'noteLinking' },
    'client.ready': '#agent.connected',
    'client.loading': { guard: 'isMoving', target: 'incompatible', reenter: true, actions: 'notePercent' },
  },
  after: {
    incompatibleLimit: {
      target: '#agent.disconnected.faltering',
      actions: ['noteIncompatibility', { type: 'because', params: 'INCOMPATIBLE' }],
    },
  },
});

/** The session is lost, its client whole: the supervisor says at once whether to reload the page or to end it. */
const faltering = sessionSetup.createStateConfig({
  entry: 'reportFaltering',
  on: { ...unready, 'session.reload': 'reloading' },
  after: { verdictLimit: 'closing' },
});

/** The page is being reloaded under the client, which then links anew with what is saved. */
const reloading = sessionSetup.createStateConfig({
  entry: 'forgetCompatibility',
  on: {
    ...unready,
    'session.logout': logOut('waiting', 'logging_out'),
    'client.qr': showsQr,
    'client.ready': '#agent.connected',
  },
  invoke: {
    src: 'reloading',
    input: ({ context }) => context.agent,
    onDone: 'linking',
    onError: 'closing',
  },
});

/** How a client that is only wanted for its log-out can end: the reason stays that of the log-out. */
const unlinkingEnds = sessionSetup.createStateConfig({
  on: {
    'client.ready': '#agent.disconnected.logging_out',
    'client.qr': { target: '#agent.disconnected.closing', actions: 'noteUnlinked' },
    'client.disconnected': { target: '#agent.disconnected.closing', actions: 'noteUnlinked' },
    'client.auth_failure': '#agent.disconnected.closing',
    'client.crashed': { target: '#agent.disconnected.closing', actions: 'noteError' },
    'client.failed': { target: '#agent.disconnected.closing', actions: 'noteError' },
  },
}).on;

/**
 * Linked, and to be logged out: only a client that is ready can unlink the device at the phone. One is started for
 * it unless there is one already. Past the limit the device stays linked, and the caller learns it.
 */
const unlinking = sessionSetup.createStateConfig({
  initial: 'queued',
  on: { 'session.stop': { target: '#agent.disconnected.closing', actions: 'becauseAsked' } },
  after: { unlinkLimit: '#agent.disconnected.closing' },
  states: {
    queued: {
      invoke: {
        src: 'slot',
        input: ({ context }) => ({ agent: context.agent, isAsked: true }),
        onDone: 'starting',
        onError: '#agent.disconnected.closing',
      },
    },
    starting: {
      entry: spawnChild('client', { id: 'client', input: ({ context }) => context.agent }),
      exit: 'freeSlot',
      on: unlinkingEnds,
    },
    waiting: { on: unlinkingEnds },
  },
});

/** The client is being ended; its events reach nobody. Bounded by the port. */
const closing = sessionSetup.createStateConfig({
  entry: ['freeSlot', 'forgetCompatibility'],
  invoke: {
    src: 'closing',
    input: ({ context }) => ({ agent: context.agent, reason: context.reason }),
    onDone: 'resting',
    onError: 'resting',
  },
  exit: stopChild('client'),
});

/** No client, nothing going on; entering it is what the supervisor decides upon. */
const resting = sessionSetup.createStateConfig({
  entry: 'reportDown',
  on: {
    'session.start': [
      { guard: 'isFresh', target: '#agent.awaiting_qr.queued', actions: ['forgetQrs', 'forgetReason'] },
      { target: '#agent.disconnected.queued' },
    ],
    'session.stop': { target: '#agent.disconnected.closing', actions: 'becauseAsked' },
    'session.logout': logOut('queued', 'closing'),
  },
});

/**
 * The session of one agent: its top-level states are the stored ones. Starts by request happen in
 * `awaiting_qr`, those with saved credentials in `disconnected`, so that the stored state never claims what
 * isn't so. It restarts nothing by itself: it rests, says why, and the supervisor decides.
 */
export const sessionMachine = sessionSetup.createMachine({
  id: 'agent',
  context: ({ input }) => ({
    agent: input.agent,
    reason: null,
    qrs: 0,
    isBroken: false,
    percent: 0,
    mutes: 0,
    offlines: 0,
  }),
  initial: 'disconnected',
  states: {
    awaiting_qr: {
      tags: 'awaiting_qr',
      initial: 'queued',
      states: {
        queued: queued(true),
        // Asked for just now: the count of QRs has only begun.
        starting: { ...starting, on: { ...starting.on, 'client.qr': 'scanning' } },
        scanning: {
          tags: 'qr',
          entry: ['showQr', 'countQr'],
          exit: 'hideQr',
          on: {
            ...unready,
            'client.qr': showsQr,
            'client.passkey': asksPasskey,
            'client.authenticated': 'linking',
            'client.ready': '#agent.connected',
          },
          after: {
            qrStall: {
              target: '#agent.disconnected.closing',
              actions: { type: 'because', params: 'QR_STALLED' },
            },
          },
        },
        // The page goes on to show QRs, which nobody can use.
        passkey: {
          tags: 'passkey',
          entry: ['askPasskey', { type: 'because', params: 'PASSKEY_REQUIRED' }],
          exit: ['endPasskey', 'forgetReason'],
          on: {
            ...unready,
            'client.passkey': { actions: 'askPasskey' },
            'client.authenticated': 'linking',
            'client.ready': '#agent.connected',
          },
          after: {
            passkeyLimit: {
              target: '#agent.disconnected.closing',
              actions: { type: 'because', params: 'PASSKEY_REQUIRED' },
            },
          },
        },
        linking,
        incompatible,
      },
    },
    connected: {
      tags: 'connected',
      type: 'parallel',
      entry: [
        'noteLinked',
        'forgetReason',
        'forgetQrs',
        'forgetCompatibility',
        'openSession',
        'reportConnected',
      ],
      exit: 'closeSession',
      on: { ...endings, 'client.compatibility': {} },
      states: {
        link: {
          initial: 'healthy',
          states: {
            healthy: {
              entry: 'forgetMisses',
              on: { 'probe.due': 'probing', 'client.state': { guard: 'isOffline', target: 'suspect' } },
            },
            probing: {
              invoke: {
                src: 'probe',
                input: ({ context }) => context.agent,
                onDone: [
                  { guard: { type: 'probedOnline', params: ({ event }) => event.output }, target: 'healthy' },
                  { target: 'suspect', actions: 'countOffline' },
                ],
                onError: { target: 'suspect', actions: 'countMute' },
              },
            },
            suspect: {
              always: [
                {
                  guard: 'isMute',
                  target: '#agent.disconnected.closing',
                  actions: { type: 'because', params: 'UNRESPONSIVE' },
                },
                {
                  guard: 'isLost',
                  target: '#agent.disconnected.faltering',
                  actions: { type: 'because', params: 'OFFLINE' },
                },
              ],
              on: { 'client.state': { guard: 'isOnline', target: 'healthy' } },
              after: { probeAgain: 'probing' },
            },
          },
        },
        mailbox: {
          initial: 'idle',
          states: {
            idle: { on: { 'outbox.sending': 'sending', 'outbox.throttled': 'throttled' } },
            sending: { on: { 'outbox.idle': 'idle', 'outbox.throttled': 'throttled' } },
            throttled: { on: { 'outbox.sending': 'sending', 'outbox.idle': 'idle' } },
          },
        },
      },
    },
    disconnected: {
      tags: 'disconnected',
      initial: 'resting',
      states: {
        resting,
        queued: queued(false),
        starting,
        linking,
        incompatible,
        faltering,
        reloading,
        unlinking,
        logging_out: {
          entry: 'freeSlot',
          invoke: {
            src: 'loggingOut',
            input: ({ context }) => context.agent,
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
      states: { closing, resting },
    },
  },
});
