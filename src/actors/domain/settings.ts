import type { Jid } from './identity.ts';

/** Kinds of incoming messages that the AI can be given. */
export const INBOUND_TYPES = [
  'text',
  'image',
  'audio',
  'video',
  'document',
  'sticker',
  'location',
  'contacts',
] as const;
export type InboundType = (typeof INBOUND_TYPES)[number];

/** How the AI is given a file: by a signed link, or in the request. */
export const AI_MEDIA = ['url', 'base64'] as const;
export type AiMedia = (typeof AI_MEDIA)[number];

/** The time that writing an answer takes, by its length. */
export interface ReplyDelay {
  /** For each character of its texts and captions; 0: answers don't wait. */
  perCharacterMs: number;
  /** At most. */
  maxMs: number;
}

/** What can be set for one agent; null: the environment's default. */
export interface AgentSettings {
  /** Kinds of messages that are answered. */
  inboundTypes: InboundType[] | null;
  aiMedia: AiMedia | null;
  /** How long the messages of a chat wait for further ones, in milliseconds, to be one request; 0: they don't. */
  debounceMs: number | null;
  /** How long they wait at most. */
  debounceMaxMs: number | null;
  /** For how long a person who writes in a chat has it; 0: the bot keeps it. */
  handoverMinutes: number | null;
  /** Whose messages are dropped: addresses, `@g.us` for all groups, `@lid` for all whose number is not known. */
  ignore: Jid[] | null;
  /** How long the answers of the AI wait while typing shows. */
  replyDelay: ReplyDelay | null;
}

/** The settings of one agent with the defaults in place of null. */
export type EffectiveSettings = { [Name in keyof AgentSettings]: NonNullable<AgentSettings[Name]> };

/** Nothing is set. */
export const NO_SETTINGS: AgentSettings = {
  inboundTypes: null,
  aiMedia: null,
  debounceMs: null,
  debounceMaxMs: null,
  handoverMinutes: null,
  ignore: null,
  replyDelay: null,
};

/** Settings of the actors, and the limits of their states; in milliseconds where nothing else is said. */
export interface ActorSettings {
  sendRatePerMinute: number;
  sendBurst: number;
  mailboxCapacity: number;
  sendWaitMs: number;
  sendTimeoutMs: number;
  messageTtlMs: number;
  qrWaitMs: number;
  qrMaxRefreshes: number;
  startConcurrency: number;
  aiConcurrency: number;
  // The defaults of `AgentSettings`.
  inboundTypes: InboundType[];
  aiMedia: AiMedia;
  debounceMs: number;
  debounceMaxMs: number;
  handoverMinutes: number;
  /** A client whose browser is larger is restarted when it is idle; undefined: never. */
  memoryLimitBytes?: number;
  /** JID of the developer who receives the alerts. */
  developer: string;
  limits: ActorLimits;
}

/** Limits without a setting. */
export interface ActorLimits {
  /** `initialize` → QR, authenticated or ready. */
  startMs: number;
  /** Authenticated → ready. */
  linkMs: number;
  /** The page lacks something required → the session is given up; parts that load late are there by then. */
  incompatibleMs: number;
  /** A passkey is awaited → the link is given up. */
  passkeyMs: number;
  /** How long WhatsApp accepts a pairing code. */
  pairingCodeMs: number;
  /** How long a restriction is assumed that is only known from a refused send. */
  refusalMs: number;
  /** Longest wait for the next QR. */
  qrStallMs: number;
  /** A start for a log-out alone, its wait for a slot included. */
  unlinkMs: number;
  /** A log-out at WhatsApp; then the client is closed anyway. */
  logoutMs: number;
  /** Closing a client, its own teardown included. */
  closeMs: number;
  /** A connection of this length resets the restart backoff. */
  steadyMs: number;
  /** Between two probes of a healthy page; `probeAgainMs` after a failed one. */
  probeEveryMs: number;
  probeAgainMs: number;
  probeMs: number;
  /** Consecutive probes without an answer after which the page counts as frozen. */
  maxProbeTimeouts: number;
  /** Consecutive probes that find no connection after which the network counts as lost. */
  maxOfflineProbes: number;
  typingRenewMs: number;
  /** Downloading the file of an incoming message, the second attempt included. */
  downloadMs: number;
  /** Reading a page of the phone's data. */
  phoneMs: number;
  /** Inbound messages older than this are not answered when fetched after an absence. */
  backlogMs: number;
}

/** The limits of a service; tests replace some. */
export const DEFAULT_LIMITS: ActorLimits = {
  startMs: 60_000,
  linkMs: 90_000,
  incompatibleMs: 15_000,
  passkeyMs: 300_000,
  pairingCodeMs: 180_000,
  refusalMs: 86_400_000,
  qrStallMs: 75_000,
  unlinkMs: 30_000,
  logoutMs: 10_000,
  closeMs: 15_000,
  steadyMs: 120_000,
  probeEveryMs: 15_000,
  probeAgainMs: 5_000,
  probeMs: 5_000,
  maxProbeTimeouts: 3,
  maxOfflineProbes: 12,
  typingRenewMs: 20_000,
  downloadMs: 60_000,
  phoneMs: 10_000,
  backlogMs: 900_000,
};
