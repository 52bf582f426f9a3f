import { Emitter } from './emitter.js';
import { createWid, MsgKey } from './wid.js';

// Reactions and calls, as the network sends them.

/** `WAWebAddonReactionTableMode.reactionTableMode`. */
export const reactionTable = { bulkUpsert: async () => undefined };

/** `WAWebCallCollection`: the calls are in a Map of its own. */
export const calls = Object.assign(new Emitter(), { calls: new Map() });

/** Stores a reaction; one with an empty text takes the earlier one back. */
export function storeReaction({ id, messageId, senderId, emoji, timestamp }) {
  const row = {
    id: MsgKey.fromString(id),
    type: 'reaction',
    from: createWid(senderId),
    reactionParentKey: MsgKey.fromString(messageId),
    reactionText: emoji,
    reactionTimestamp: timestamp,
  };
  return reactionTable.bulkUpsert([row]);
}

/** Keeps a call that rings. */
export function ring({ id, from, isVideo, isGroup, timestamp }) {
  const offerTime = Math.floor(timestamp / 1000);
  calls.calls.set(id, { id, peerJid: createWid(from), isVideo, isGroup, offerTime, outgoing: false });
}
