import { spawnChild, stopChild } from 'xstate';
import { sessionSetup } from './session.setup.ts';

// The states of a session that has no connection, from the wait for a slot to the close of its client.

/** The transition that ends a session, or the attempt to start one, for this reason. */
export const endFor = (reason: string, state: 'closing' | 'recovering' = 'closing') => ({
  target: `#agent.disconnected.${state}` as const,
  actions: { type: 'setReason', params: reason } as const,
});

/** How a session with a client can end; the same in every such state. */
export const endings = sessionSetup.createStateConfig({
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

/** The endings while the client is not ready: an incompatible page then explains why it never is. */
export const unready = sessionSetup.createStateConfig({
  on: { ...endings, 'client.compatibility': { actions: 'setCompatibility' } },
}).on;

/** QRs are shown up to a number of refreshes, counted from the request on, over restarts in between. */
export const showsQr = sessionSetup.createStateConfig({
  on: {
    'client.qr': [
      { guard: 'hasRefreshesLeft', target: '#agent.awaiting_qr.scanning', reenter: true },
      endFor('QR_EXPIRED'),
    ],
  },
}).on['client.qr'];

/** No client yet: waiting for a slot to start. The limits of the starting clients bound the wait. */
export const queued = (isRequested: boolean) =>
  sessionSetup.createStateConfig({
    on: {
      'session.stop': { target: '#agent.disconnected.closing', actions: 'setReasonOfCommand' },
      'session.logout': logOut('queued', 'closing'),
    },
    invoke: {
      src: 'slot',
      input: ({ context: { effects } }) => ({ effects, isRequested }),
      onDone: 'starting',
      onError: endFor('START_FAILED'),
    },
  });

/** Creates the client. */
export const starting = sessionSetup.createStateConfig({
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
  after: { startLimit: endFor('START_TIMEOUT') },
});

/**
 * Authenticated, not ready yet. A refused saved session shows a QR here. Progress of the loading restarts the limit:
 * large accounts take minutes.
 */
export const linking = sessionSetup.createStateConfig({
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
  after: { linkLimit: endFor('LINK_TIMEOUT', 'recovering') },
});

/**
 * The page lacks something that a session needs. It may become ready all the same, and late modules may still load:
 * the client repeats its self-check.
 */
export const incompatible = sessionSetup.createStateConfig({
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
export const recovering = sessionSetup.createStateConfig({
  entry: 'reportLost',
  on: { ...unready, 'session.reload': 'reloading' },
  after: { decisionLimit: 'closing' },
});

/** The page is being reloaded; the client then links with its saved credentials. */
export const reloading = sessionSetup.createStateConfig({
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
export const unlinking = sessionSetup.createStateConfig({
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
export const closing = sessionSetup.createStateConfig({
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
export const idle = sessionSetup.createStateConfig({
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
