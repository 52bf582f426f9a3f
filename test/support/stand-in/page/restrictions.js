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
  isUserCapped: () => restriction?.kind === 'message_cap',
  canSendMsgWhileCapped: timelock.canSendMsgWhileTimelocked,
  getCappingData: () =>
    restriction?.kind === 'message_cap'
      ? { capping_status: 'CAPPED', total_quota: 5, used_quota: 5, cycle_end_timestamp: endsAt() }
      : { capping_status: 'NONE', total_quota: 5, used_quota: 0, cycle_end_timestamp: 0 },
};
