// Moments and spans as people read them. The service's clock leads: a sandbox's may be ahead of the browser's.

let aheadMs = 0;

/** Learns how far ahead the service's clock is from a moment that it has just told, epoch ms. */
export function observeClock(at: number): void {
  aheadMs = Math.max(aheadMs, at - Date.now());
}

/** Another life of the service has begun, and its clock with it. */
export function forgetClock(): void {
  aheadMs = 0;
}

/** This moment on the service's clock, epoch ms. */
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

/** Whole seconds, minutes, hours or days since a moment told as ISO: short, for a table. */
export function age(iso: string): string {
  const seconds = Math.max(0, Math.floor((serviceNow() - Date.parse(iso)) / 1_000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** Seconds until a moment told as ISO, rounded up, never below 0. */
export function secondsUntil(iso: string): number {
  return Math.max(0, Math.ceil((Date.parse(iso) - serviceNow()) / 1_000));
}
