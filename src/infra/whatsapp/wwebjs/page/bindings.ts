/** One binding of WhatsApp Web's page. */
export interface Binding {
  /** `WAWebModule`, or `WAWebModule.export.member`. */
  name: string;
  kind: 'function' | 'object';
  /** What does not work without it. */
  purpose:
    | 'linking'
    | 'sending'
    | 'media'
    | 'downloads'
    | 'previews'
    | 'reactions'
    | 'calls'
    | 'edits'
    | 'revocations'
    | 'recipients'
    | 'receiving'
    | 'history'
    | 'reading'
    | 'typing'
    | 'addresses'
    | 'repairs'
    | 'restrictions';
  /** Missing from some builds that work: reported only when it was there and has gone. */
  optional?: true;
}

const functions = (purpose: Binding['purpose'], ...names: string[]): Binding[] =>
  names.map((name) => ({ name, kind: 'function', purpose }));
const objects = (purpose: Binding['purpose'], ...names: string[]): Binding[] =>
  names.map((name) => ({ name, kind: 'object', purpose }));
const optional = (bindings: Binding[]): Binding[] =>
  bindings.map((binding) => ({ ...binding, optional: true }));

/**
 * Everything that we, or the library on the paths that we use, need of WhatsApp Web's page. Nothing else may be asked
 * of it: a test compares this list with what the page's scripts name. docs/whatsapp-drift.md says how to change it.
 */
export const BINDINGS: readonly Binding[] = [
  ...objects(
    'linking',
    'WAWebSocketModel.Socket',
    'WAWebCmd.Cmd',
    'WAWebConnModel.Conn',
    'WAWebOfflineHandler.OfflineMessageHandler',
    'WAWebCompanionRegClientUtils',
    'WAWebAdvSignatureApi',
    'WAWebUserPrefsInfoStore.waNoiseInfo',
    'WAWebSignalStoreApi.waSignalStore',
  ),
  ...functions(
    'linking',
    'WABase64.encodeB64',
    'WAWebUserPrefsMultiDevice.getADVSecretKey',
    'WAWebUserPrefsMeUser.getMaybeMePnUser',
    'WAWebUserPrefsMeUser.getMaybeMeLidUser',
    'WAWebAltDeviceLinkingApi.setPairingType',
    'WAWebAltDeviceLinkingApi.initializeAltDeviceLinking',
    'WAWebAltDeviceLinkingApi.startAltLinkingFlow',
  ),
  ...optional(objects('linking', 'WAWebLinkDeviceEvents', 'WAWebLinkDeviceEvents.WAWebLinkDeviceEvents')),
  ...objects('receiving', 'WAWebCollections.Msg', 'WAWebCollections.Chat'),
  ...functions(
    'sending',
    'WAWebWidFactory.createWid',
    'WAWebWidFactory.asUserWidOrThrow',
    'WAWebFindChatAction.findOrCreateLatestChat',
    'WAWebMsgKey',
    'WAWebGetEphemeralFieldsMsgActionsUtils.getEphemeralFields',
    'WAWebSendMsgChatAction.addAndSendMsgToChat',
  ),
  ...objects('sending', 'WAWebMsgReply'),
  ...optional(functions('sending', 'WATimeUtils.unixTime')),
  ...functions(
    'media',
    'WAWebMediaOpaqueData.createFromData',
    'WAWebPrepRawMedia.prepRawMedia',
    'WAWebMediaStorage.getOrCreateMediaObject',
    'WAWebMmsMediaTypes.msgToMediaType',
    'WAWebMmsMediaTypes.castToV4',
    'WAWebMediaDataUtils.shouldUseMediaCache',
    'WAWebMediaMmsV4Upload.uploadMedia',
  ),
  ...objects('media', 'WAWebMediaInMemoryBlobCache.InMemoryMediaBlobCache'),
  ...optional([
    ...functions('downloads', 'WAWebDownloadManager.downloadManager.downloadAndMaybeDecrypt'),
    ...functions('previews', 'WALinkify.findLink', 'WAWebLinkPreviewChatAction.getLinkPreview'),
    ...functions(
      'reactions',
      'WAWebSendReactionMsgAction.sendReactionToMsg',
      'WAWebDBGetReactions.getReactions',
      'WAWebAddonReactionTableMode.reactionTableMode.bulkUpsert',
    ),
    ...objects('calls', 'WAWebCallCollection'),
    ...functions('reading', 'WAWebUpdateUnreadChatAction.sendSeen'),
    ...objects('reading', 'WAWebStreamModel.Stream'),
    ...functions(
      'edits',
      'WAWebSendMessageEditAction.sendMessageEdit',
      'WAWebMsgActionCapability.canEditText',
      'WAWebMsgActionCapability.canEditCaption',
    ),
    ...functions(
      'revocations',
      'WAWebRevokeMsgAction.sendRevoke',
      'WAWebMsgActionCapability.canSenderRevokeMsg',
    ),
    ...objects('revocations', 'WAWebCmd.Revoke.Sender'),
  ]),
  ...functions('recipients', 'WAWebQueryExistsJob.queryWidExists'),
  ...functions('history', 'WAWebChatLoadMessages.loadEarlierMsgs'),
  ...functions(
    'typing',
    'WAWebChatStateBridge.sendChatStateComposing',
    'WAWebChatStateBridge.sendChatStatePaused',
  ),
  ...optional(objects('typing', 'WAWebPresenceCollection.PresenceCollection')),
  ...optional(
    functions(
      'addresses',
      'WAWebApiContact.getPhoneNumber',
      'WAWebApiContact.getCurrentLid',
      'WAWebLidMigrationUtils.toPn',
      'WAWebLidMigrationUtils.toLid',
    ),
  ),
  ...optional(objects('addresses', 'WAWebCollections.Contact')),
  ...optional([
    ...functions(
      'repairs',
      'WAWebMsgKey.fromString',
      'WAWebCmd.Cmd.refreshQR',
      'WAWebLaunchSocketUtils.refreshQR',
    ),
    ...objects('repairs', 'WAWebUpdaterVersion', 'WAWebSendMsgChatAction'),
  ]),
  ...optional([
    ...functions(
      'restrictions',
      'WAWebReachoutTimelockUtils.isUserReachoutTimelocked',
      'WAWebIndividualNewChatMessageCappingLimitUtils.isUserCapped',
      'WAWebIndividualNewChatMessageCappingLimitUtils.getCappingData',
    ),
    ...objects(
      'restrictions',
      'WAWebReachoutTimelockUtils.REACHOUT_TIMELOCK_IDB_KEY',
      'WAWebUserPrefsIndexedDBStorage.userPrefsIdb',
    ),
  ]),
];
