const BARS = 64;
/** Samples a second that are enough to draw a waveform. */
const RATE = 8_000;

/** Length and loudness of a sound, as a phone measures them while it records. */
export interface VoiceShape {
  seconds?: number;
  /** 64 values from 0 to 100, relative to the loudest. */
  waveform?: number[];
}

/** Measures a sound file; empty when the browser can't decode it. */
export async function voiceShapeOf(file: Blob): Promise<VoiceShape> {
  const decoder = new OfflineAudioContext(1, 1, RATE);
  const sound = await decoder.decodeAudioData(await file.arrayBuffer()).catch(() => null);
  if (!sound) return {};
  const samples = sound.getChannelData(0);
  const bars = Array.from({ length: BARS }, (_, bar) => {
    const first = Math.floor((bar * samples.length) / BARS);
    const piece = samples.subarray(first, Math.floor(((bar + 1) * samples.length) / BARS));
    return piece.reduce((sum, sample) => sum + Math.abs(sample), 0) / Math.max(piece.length, 1);
  });
  const loudest = Math.max(...bars) || 1;
  return {
    seconds: Math.max(1, Math.round(sound.duration)),
    waveform: bars.map((bar) => Math.round((bar / loudest) * 100)),
  };
}
