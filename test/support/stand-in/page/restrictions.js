/** How WhatsApp limits this account now; null: it doesn't. */
let restriction = null;

/** The limit changed. */
export function setRestriction(newest) {
  restriction = newest;
}

/** Whole seconds, as the page has its times. */
const endsAt = () => Math.floor((restriction?.until ?? 0) / 1000);

/** `WAWebReachoutTimelockUtils`. */
export const timelock = {
  isUserReachoutTimelocked: () => restriction?.kind === 'reachout_timelock',
  canSendMsgWhileTimelocked: ({ chat }) =>
    !chat.id.isUser() || chat.msgs.getModelsArray().some(({ id }) => !id.fromMe),
};

/** `WAWebIndividualNewChatMessageCappingLimitUtils`. */
export const capping = {
  getCappingData: () =>
    restriction?.kind === 'message_cap'
      ? { cappingStatus: 'CAPPED', totalQuota: 5, usedQuota: 5, cycleEndTimestamp: endsAt() }
      : { cappingStatus: 'NONE', totalQuota: 5, usedQuota: 0, cycleEndTimestamp: 0 },
};
