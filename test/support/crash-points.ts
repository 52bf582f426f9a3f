/** Where a message's service can be told to die, in the order in which a message passes them. */
export const UNDER_WAY = [
  'after the body was parsed',
  'after INSERT accepted',
  'after the 202 was flushed',
  'before the lease of one that waited',
  'after the lease',
  'after the hand-over to the page',
  'after the hand-over resolved',
  'after the ack',
  'before the `sent` write',
  'after the `sent` write',
] as const;

/** Where the last message of one that can't be sent is written. */
export const DEAD_LETTER = [
  'before the dead letter is written',
  'after the dead letter was written',
] as const;

/** Where the start after a death can be told to die, too. */
export const AT_THE_START = [
  'while the queue is restored at the start',
  'before a doubtful message is looked up',
  'after a doubtful message was looked up',
] as const;

/** Everywhere that the service can be told to die. */
export type CrashPoint =
  | (typeof UNDER_WAY)[number]
  | (typeof DEAD_LETTER)[number]
  | (typeof AT_THE_START)[number]
  | 'when the drain of a stop has ended'
  | 'after an inbound message was claimed';
