import type { EventEmitter } from 'eventemitter3';
import type { GatewayEvents } from '../domain/gateway-events.ts';
import type { Scheduler } from '../domain/ports/clock.ts';
import type { Recording, Transcriber, Transcription } from '../domain/ports/transcriber.ts';

/** What the transcripts of all agents share. */
export interface TranscriptDeps {
  clock: Scheduler;
  events: EventEmitter<GatewayEvents>;
  /** Missing: recordings are given to the AI without a transcript. */
  transcriber?: Transcriber;
}

/** What was said in a recording, as the AI is given it. */
export interface Transcript {
  status: Transcription['status'];
  text?: string;
  language?: string;
}

/** Whose recording it is. */
interface TranscriptOptions {
  agentId: string;
  traceId: string;
  signal: AbortSignal;
}

/**
 * The transcript of a recording, or why there is none when its file can't be had; nothing without a transcriber.
 * @throws the signal's reason when it is aborted
 */
export async function transcriptOf(
  { transcriber, clock, events }: TranscriptDeps,
  recording: Recording | Transcription,
  { agentId, traceId, signal }: TranscriptOptions,
): Promise<{ transcript?: Transcript }> {
  if (!transcriber) return {};
  const startedAt = clock.monotonic();
  const result = 'file' in recording ? await transcriber.transcribe(recording, signal) : recording;
  const { status } = result;
  const durationMs = Math.round(clock.monotonic() - startedAt);
  const why = status === 'completed' ? {} : { reason: result.reason };
  const refusal = status === 'failed' ? { httpStatus: result.httpStatus } : {};
  events.emit('transcription', { agentId, outcome: status, ...why, ...refusal, durationMs, traceId });
  if (status !== 'completed') return { transcript: { status } };
  const { text, language } = result;
  return { transcript: { status, text, ...(language !== undefined && { language }) } };
}

/** What the AI is asked: the words of the messages; without any, what was said in their recordings, line by line. */
export function questionOf(words: string, attachments: readonly { transcript?: Transcript }[]): string {
  if (words.trim() !== '') return words;
  const spoken = attachments.map(({ transcript }) => transcript?.text?.trim() ?? '');
  return spoken.filter((text) => text !== '').join('\n') || words;
}
