/** What the actors need of the configuration, and the named limits of their states. Milliseconds unless said. */
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
  /** A client whose browser is larger is replaced in a quiet minute; undefined: never. */
  memoryLimitBytes?: number;
  /** JID of the developer who gets the failure reports. */
  developer: string;
  limits: ActorLimits;
}

/** The limits that no setting changes. */
export interface ActorLimits {
  /** `initialize` → QR, authenticated or ready. */
  startMs: number;
  /** Authenticated → ready. */
  linkMs: number;
  /** The page lacks something that a session needs → it is given up; what loads late is there by then. */
  incompatibleMs: number;
  /** A passkey is asked for → it is given up. */
  passkeyMs: number;
  /** How long WhatsApp accepts a pairing code. */
  pairingCodeMs: number;
  /** How long a restriction is assumed that only a refused send has shown. */
  refusalMs: number;
  /** Longest wait for the next QR. */
  qrStallMs: number;
  /** A start that is only made to log out, its wait for a place included. */
  unlinkMs: number;
  /** Logging out at WhatsApp before the client is closed regardless. */
  logoutMs: number;
  /** Closing a client, its own bounded teardown included. */
  closeMs: number;
  /** Connected for so long, the waits begin small again. */
  steadyMs: number;
  /** Between two probes of a healthy page, and between those of a suspect one. */
  probeEveryMs: number;
  probeAgainMs: number;
  probeMs: number;
  /** Consecutive probes without an answer after which the page counts as frozen. */
  maxProbeTimeouts: number;
  /** Consecutive probes that find no connection after which the network counts as lost. */
  maxOfflineProbes: number;
  typingRenewMs: number;
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
  backlogMs: 900_000,
};
