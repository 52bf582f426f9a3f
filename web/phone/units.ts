// How the page writes moments, lengths and sizes.

/** Local time as `14:05`. */
export function clockTime(at: number): string {
  return new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hour12: false });
}

/** Seconds as `1:05`. */
export function durationOf(seconds: number): string {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

/** Bytes as `12 kB`. */
export function sizeOf(bytes: number): string {
  const [unit, by] = bytes < 1_000_000 ? ['kB', 1_000] : ['MB', 1_000_000];
  return bytes < 1_000 ? `${bytes} B` : `${(bytes / by).toPrecision(bytes / by < 10 ? 2 : 3)} ${unit}`;
}
