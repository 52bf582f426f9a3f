import { createHash } from 'node:crypto';
import { TEXTS } from '../domain/error-texts.ts';
import { GatewayError, toGatewayError } from '../domain/errors.ts';
import type { AgentRef } from '../domain/identity.ts';
import { fileOf, type MessageContent, wordsOf } from '../domain/message-content.ts';
import type { AiAnswer, AnswerMessage } from '../domain/ports/ai.ts';
import type { ContentIntake, MessageFiles } from '../domain/ports/files.ts';
import type { ReplyDelay } from '../domain/settings.ts';

/** A message of an answer that can be stored; `place` is its index in the answer, null for the reply. */
export interface ReadyMessage {
  place: number | null;
  content: MessageContent;
  quoteId?: string;
}

/** A message of an answer whose file can't be had. */
export interface UnreadyMessage {
  place: number;
  kind: MessageContent['kind'];
  /** An `AI_DOWNSTREAM_ERROR` that names the message and the reason. */
  error: GatewayError;
}

/** An answer whose files are stored. */
export interface ReadyAnswer {
  ready: ReadyMessage[];
  unready: UnreadyMessage[];
}

/** What opens the files of answers. */
export interface AnswerFiles {
  intake: ContentIntake;
  files: MessageFiles;
}

/** Stores the files of an answer, all at once; a message whose file can't be had is left out. Never rejects. */
export async function openAnswer(
  { intake }: AnswerFiles,
  agent: AgentRef,
  answer: AiAnswer,
): Promise<ReadyAnswer> {
  const reply: ReadyMessage[] =
    answer.reply === null ? [] : [{ place: null, content: { kind: 'text', text: answer.reply } }];
  const opened = await Promise.all(
    answer.messages.map((message, place) => openMessage(intake, agent, message, place)),
  );
  return {
    ready: [...reply, ...opened.filter((message) => 'content' in message)],
    unready: opened.filter((message) => 'error' in message),
  };
}

/** Deletes the files of messages that are not sent. */
export async function discard({ files }: AnswerFiles, agent: AgentRef, ready: ReadyMessage[]): Promise<void> {
  for (const { content } of ready) {
    const file = fileOf(content);
    if (file) await files.release(agent, file);
  }
}

/** Stores the file of one message. */
async function openMessage(
  intake: ContentIntake,
  agent: AgentRef,
  { content: draft, quoteId }: AnswerMessage,
  place: number,
): Promise<ReadyMessage | UnreadyMessage> {
  if (!('source' in draft)) return { place, content: draft, quoteId };
  try {
    return { place, content: await intake.open(agent, draft), quoteId };
  } catch (cause) {
    const { message } = toGatewayError(cause, 'INTERNAL', TEXTS.INTERNAL.fileNotStored);
    const text = TEXTS.AI_DOWNSTREAM_ERROR.file(`messages.${place}.${draft.kind}`, message);
    return { place, kind: draft.kind, error: new GatewayError('AI_DOWNSTREAM_ERROR', text, { cause }) };
  }
}

/** How long an answer waits, in milliseconds: by the characters of its texts and captions. */
export function delayOf({ reply, messages }: AiAnswer, { perCharacterMs, maxMs }: ReplyDelay): number {
  const words = messages.map(({ content }) => ('source' in content ? captionOf(content) : wordsOf(content)));
  const characters = [reply ?? '', ...words].reduce((sum, { length }) => sum + length, 0);
  return Math.min(maxMs, perCharacterMs * characters);
}

/** The caption of a file, or an empty text. */
function captionOf(content: object): string {
  return 'caption' in content && typeof content.caption === 'string' ? content.caption : '';
}

/**
 * The id of a message after the first of an answer, made from that of the first: so that a request which is repeated
 * after a crash finds all of them. A UUID of version 8.
 */
export function furtherId(firstId: string, startsWithReply: boolean, place: number): string {
  const name = `${firstId} ${startsWithReply ? 'reply' : 'messages'} ${place}`;
  const hex = createHash('sha256').update(name).digest('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}
