import { type ActorLimits, type ActorSettings, DEFAULT_LIMITS } from '../actors/domain/settings.ts';
import type { Config } from './config.ts';
import { parseJid } from './whatsapp/phone-number.ts';

/** The actors' part of the configuration; `limits` overrides limits that are not configurable. */
export function settingsOf(config: Config, limits: Partial<ActorLimits> = {}): ActorSettings {
  return {
    sendRatePerMinute: config.SEND_RATE_PER_MINUTE,
    sendBurst: config.SEND_BURST,
    mailboxCapacity: config.MAILBOX_CAPACITY,
    sendWaitMs: config.SEND_WAIT_MS,
    sendTimeoutMs: config.SEND_TIMEOUT_MS,
    messageTtlMs: config.MESSAGE_TTL_MS,
    qrWaitMs: config.QR_WAIT_MS,
    qrMaxRefreshes: config.QR_MAX_REFRESHES,
    startConcurrency: config.START_CONCURRENCY,
    aiConcurrency: config.AI_CONCURRENCY,
    inboundTypes: config.AI_INBOUND_TYPES,
    aiMedia: config.AI_MEDIA,
    debounceMs: config.AI_DEBOUNCE_MS,
    debounceMaxMs: config.AI_DEBOUNCE_MAX_MS,
    handoverMinutes: config.HANDOVER_MINUTES,
    memoryLimitBytes: config.CHROMIUM_MEMORY_LIMIT_MB * 1024 * 1024 || undefined,
    developer: parseJid(`+${config.DEVELOPER_NUMBER}`, config.DEFAULT_COUNTRY),
    limits: { ...DEFAULT_LIMITS, ...limits },
  };
}
