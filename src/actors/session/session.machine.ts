import { sessionSetup } from './session.setup.ts';
import {
  closing,
  endFor,
  endings,
  idle,
  incompatible,
  linking,
  queued,
  recovering,
  reloading,
  showsQr,
  starting,
  unlinking,
  unready,
} from './session-states.ts';

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
          after: { qrStall: endFor('QR_STALLED') },
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
          after: { passkeyLimit: endFor('PASSKEY_REQUIRED') },
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
            { guard: 'isUnresponsive', ...endFor('UNRESPONSIVE') },
            { guard: 'isOfflineTooLong', ...endFor('OFFLINE', 'recovering') },
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
