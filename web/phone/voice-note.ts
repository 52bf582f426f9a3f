import type { ChatMessage, Media } from '../../src/sandbox/network/types.ts';
import { el, icon, type Row, setAttribute, setText } from '../shared/dom.ts';
import { durationOf } from './units.ts';

const PLAY = 'M7 4.5 19 12 7 19.5z';
const PAUSE = 'M8 5v14M16 5v14';
const MIC = 'M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3M6 11a6 6 0 0 0 12 0M12 17v4';
const BARS = 48;

/** The note that plays: another one pauses it. */
let playing: HTMLAudioElement | null = null;

/** Bars of a waveform as one path, the first `count` of them: 4 units apart, 32 high. */
function barsOf(waveform: readonly number[], count: number): string {
  const bars = Array.from({ length: count }, (_, bar) => {
    const value = waveform[Math.floor((bar * waveform.length) / BARS)] ?? 0;
    const half = 1 + (value / 100) * 13;
    return `M${2 + bar * 4} ${16 - half}v${2 * half}`;
  });
  return bars.join('');
}

/** A voice note with its waveform; `onPlayed` is called once, when the sound of a received one has started. */
export function voiceNote(
  first: ChatMessage,
  { seconds, waveform = [] }: Media,
  source: string,
  onPlayed: () => void,
): Row<ChatMessage> {
  const player = el('audio', { src: source, preload: seconds === undefined ? 'metadata' : 'none' });
  const button = el('button', { type: 'button', class: 'play' });
  const wave = (count: number) => icon(barsOf(waveform, count), `0 0 ${BARS * 4} 32`);
  const [all, passed] = [wave(BARS), wave(0)];
  const time = el('small', {});
  const mic = el('span', { class: 'mic' }, icon(MIC));
  const bars = el('span', { class: 'wave', 'aria-hidden': 'true' }, all, passed);
  const node = el('div', { class: 'voice' }, button, bars, mic, time, player);
  let wasPlayed = false;

  /** Shows what the player does. */
  function update(): void {
    const length = seconds ?? (Number.isFinite(player.duration) ? player.duration : 0);
    const name = `${player.paused ? 'Play' : 'Pause'} the voice message, ${durationOf(length)}`;
    if (button.getAttribute('aria-label') !== name)
      button.replaceChildren(icon(player.paused ? PLAY : PAUSE));
    setAttribute(button, 'aria-label', name);
    setText(time, player.error ? 'This file can’t be played.' : durationOf(player.currentTime || length));
    const share = player.currentTime / (player.duration || length || 1);
    passed.firstElementChild!.setAttribute('d', barsOf(waveform, Math.round(Math.min(share, 1) * BARS)));
  }

  /** The sound has started. */
  function started(): void {
    if (wasPlayed || first.fromMe) return;
    wasPlayed = true;
    setAttribute(node, 'data-played', true);
    onPlayed();
  }

  button.addEventListener('click', () => {
    if (!player.paused) return player.pause();
    if (playing !== player) playing?.pause();
    playing = player;
    player.play().catch(() => player.pause());
  });
  for (const event of ['play', 'pause', 'timeupdate', 'loadedmetadata', 'error'] as const)
    player.addEventListener(event, update);
  player.addEventListener('playing', started);
  player.addEventListener('ended', () => {
    player.currentTime = 0;
  });
  update();
  return {
    node,
    show: ({ ack }) => setAttribute(node, 'data-played', wasPlayed || ack >= 4),
  };
}
