import type { AiAnswer } from '../../src/actors/domain/ports/ai.ts';

/** An answer of the AI with a reply, or with what else a test says. */
export function answerOf(answer: string | null | Partial<AiAnswer>): AiAnswer {
  const given = typeof answer === 'string' || answer === null ? { reply: answer } : answer;
  return { reply: null, messages: [], dropped: 0, handoff: false, ...given };
}
