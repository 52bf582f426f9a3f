// Moments and durations as text, by the service's clock: a sandbox's may be ahead of the browser's.

let aheadMs = 0;

/** Learns how far the service's clock is ahead, from a current moment of it, epoch ms. */
export function observeClock(at: number): void {
  aheadMs = Math.max(aheadMs, at - Date.now());
}

/** Forgets the service's clock, after a restart of the service. */
export function forgetClock(): void {
  aheadMs = 0;
}

/** The service's current time, epoch ms. */
export function serviceNow(): number {
  return Date.now() + aheadMs;
}

/** `18:16:22.790`, local time. */
export function clockTime(at: number): string {
  const date = new Date(at);
  const two = (value: number) => String(value).padStart(2, '0');
  const seconds = `${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, '0')}`;
  return `${two(date.getHours())}:${two(date.getMinutes())}:${seconds}`;
}

/** `850 ms`, `14 s`, `3 m 27 s`, `5 h 2 m`, `3 d 4 h`. */
export function span(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 60) return seconds < 10 ? `${(ms / 1_000).toFixed(1)} s` : `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} m ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${minutes % 60} m`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Whole seconds, minutes, hours or days since an ISO date, short for a table. */
export function age(iso: string): string {
  const seconds = Math.max(0, Math.floor((serviceNow() - Date.parse(iso)) / 1_000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** Seconds until an ISO date, rounded up, at least 0. */
export function secondsUntil(iso: string): number {
  return Math.max(0, Math.ceil((Date.parse(iso) - serviceNow()) / 1_000));
}
