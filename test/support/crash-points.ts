/** Where the service can be killed, in the order in which a message passes. */
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

/** Around the write of an undeliverable message's outcome. */
export const DEAD_LETTER = [
  'before the dead letter is written',
  'after the dead letter was written',
] as const;

/** Where the start after a kill can be killed. */
export const AT_THE_START = [
  'while the queue is restored at the start',
  'before an indeterminate message is looked up',
  'after an indeterminate message was looked up',
] as const;

/** Where it can be killed in the delivery of an event to a webhook. */
export const IN_A_DELIVERY = [
  'before an event is recorded',
  'after an event was recorded',
  'before the request of a delivery',
  'during the request of a delivery',
  'after the 2xx of a delivery',
  'after a delivery was deleted',
] as const;

/** All points at which the service can be killed. */
export type CrashPoint =
  | (typeof UNDER_WAY)[number]
  | (typeof DEAD_LETTER)[number]
  | (typeof AT_THE_START)[number]
  | (typeof IN_A_DELIVERY)[number]
  | 'before the row of a file is written'
  | 'after the row of a file was written'
  | 'after the row of a file was deleted'
  | 'when the drain of a stop has ended'
  | 'after an inbound message was claimed';
