import * as changes from './changes.js';
import { Chat, findChat, loadEarlierMsgs, Newsletters, sendSeen } from './chats.js';
import { Conn, keys, launchUtils, me, Socket } from './connection.js';
import { Contact, getters, toLid, toPn } from './contacts.js';
import { call } from './line.js';
import * as media from './media.js';
import { Msg } from './messages.js';
import { Collection } from './model.js';
import { PresenceCollection } from './presence.js';
import { capping, timelock } from './restrictions.js';
import { LinkDeviceEvents } from './screens.js';
import { addAndSendMsgToChat } from './sending.js';
import { calls, reactionTable } from './signals.js';
import { switches } from './switches.js';
import { asUserWidOrThrow, createWid, createWidFromWidLike, MsgKey } from './wid.js';

const nothing = async () => undefined;
const fromBase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const keyPair = (text) => ({ pubKey: fromBase64(text) });

/** The links of a text; the text may be missing. */
function findLinks(text = '') {
  return Array.from(String(text ?? '').matchAll(/https?:\/\/\S+/g), ([href]) => ({ href, value: href }));
}

/** The preview of a link. */
async function getLinkPreview({ href }) {
  return {
    data: { title: 'A page', description: '', canonicalUrl: href, matchedText: href, thumbnail: 'AAAA' },
  };
}

/** What `window.require` answers for linking and connecting. */
const connecting = {
  WAWebSocketModel: { Socket },
  WAWebCmd: changes.commands,
  WAWebConnModel: { Conn },
  WAWebOfflineHandler: { OfflineMessageHandler: { getOfflineDeliveryProgress: () => 100 } },
  WAWebAltDeviceLinkingApi: {
    setPairingType() {},
    initializeAltDeviceLinking: nothing,
    initializeQRLinking: nothing,
    startAltLinkingFlow: (number) => call('pairingCode', { number }),
  },
  WAWebLaunchSocketUtils: launchUtils,
  WAWebLinkDeviceEvents: LinkDeviceEvents,
  WAWebUpdaterVersion: { VERSION: switches.webVersion },
  WAWebReachoutTimelockUtils: timelock,
  WAWebIndividualNewChatMessageCappingLimitUtils: capping,
  WABase64: { encodeB64: (bytes) => btoa(String.fromCharCode(...bytes)) },
  WAWebCompanionRegClientUtils: {
    get DEVICE_PLATFORM() {
      return keys.platform;
    },
  },
  WAWebAdvSignatureApi: {},
  WAWebUserPrefsInfoStore: { waNoiseInfo: { get: async () => ({ staticKeyPair: keyPair(keys.static) }) } },
  WAWebSignalStoreApi: {
    waSignalStore: { getRegistrationInfo: async () => ({ identityKeyPair: keyPair(keys.identity) }) },
  },
  WAWebUserPrefsMultiDevice: { getADVSecretKey: () => keys.adv },
  WAWebUserPrefsMeUser: { getMaybeMePnUser: () => me.pn, getMaybeMeLidUser: () => me.lid },
  WAWebMiscBrowserUtils: { info: () => ({ os: 'Linux', name: 'Chrome' }) },
  WAWebStreamModel: { Stream: { markAvailable() {}, markUnavailable() {} } },
  WAWebPresenceChatAction: { sendPresenceAvailable: nothing, sendPresenceUnavailable: nothing },
};

/** … for chats and people. */
const chatting = {
  WAWebCollections: {
    Msg,
    Chat,
    Contact,
    WAWebNewsletterCollection: Object.assign(Newsletters, { find: findChat }),
    GroupMetadata: { update: nothing },
    NewsletterMetadataCollection: { update: nothing },
    Blocklist: new Collection(),
    ProfilePicThumb: { get: () => undefined, find: nothing },
  },
  WAWebWidFactory: { createWid, createWidFromWidLike, asUserWidOrThrow },
  WAWebFindChatAction: { findOrCreateLatestChat: async (wid) => ({ chat: await findChat(wid) }) },
  WAWebLoadNewsletterPreviewChatAction: { loadNewsletterPreviewChat: nothing },
  WAWebChatGetters: {
    getIsNewsletter: (chat) => chat.id.isNewsletter(),
    getIsBroadcast: (chat) => chat.id.isStatus(),
  },
  WAWebUpdateUnreadChatAction: { sendSeen },
  WAWebChatLoadMessages: { loadEarlierMsgs },
  WAWebChatStateBridge: {
    sendChatStateComposing: (wid) => call('typing', { chatId: wid._serialized, typing: true }),
    sendChatStateRecording: (wid) => call('typing', { chatId: wid._serialized, typing: true }),
    sendChatStatePaused: (wid) => call('typing', { chatId: wid._serialized, typing: false }),
  },
  WAWebPresenceCollection: { PresenceCollection },
  WAWebQueryExistsJob: {
    queryWidExists: async (wid) => {
      const jid = await call('exists', { jid: wid._serialized });
      if (!jid) return null;
      const { lid } = switches.existsAnswersLid ? await call('contact', { jid }) : { lid: null };
      return { wid: createWid(lid ?? jid) };
    },
  },
  WAWebLidMigrationUtils: { toPn },
  WAWebApiContact: {
    getAlternateUserWid: (wid) => (wid.isLid() ? toPn(wid) : toLid(wid)),
    getCurrentLid: toLid,
    getPhoneNumber: toPn,
  },
  WAWebContactGetters: getters,
  WAWebFrontendContactGetters: { getIsMyContact: () => false },
};

/** … for messages. */
const messaging = {
  WAWebMsgKey: MsgKey,
  WALinkify: { findLinks, findLink: (text) => findLinks(text)[0] },
  WAWebLinkPreviewChatAction: { getLinkPreview },
  WAWebSendReactionMsgAction: { sendReactionToMsg: changes.sendReactionToMsg },
  WAWebDBGetReactions: { getReactions: changes.getReactions },
  WAWebMsgActionCapability: changes.capabilities,
  WAWebSendMessageEditAction: { sendMessageEdit: changes.sendMessageEdit },
  WAWebRevokeMsgAction: { sendRevoke: changes.sendRevoke },
  WAWebBotProfileCollection: { BotProfileCollection: new Collection() },
  WAWebMsgReply: { canReplyMsg: () => true },
  WAWebQuotedMsgModelUtils: {
    getQuotedMsgObj: (message) =>
      Msg.getModelsArray().find(({ id }) => message.quotedStanzaID && id.id === message.quotedStanzaID),
  },
  WAWebGetEphemeralFieldsMsgActionsUtils: { getEphemeralFields: () => ({}) },
  WAWebSendMsgChatAction: { addAndSendMsgToChat },
  WAWebMediaOpaqueData: media.OpaqueData,
  WAMediaCalculateFilehash: { calculateFilehashFromBlob: media.hashOf },
  WAWebPrepRawMedia: { prepRawMedia: media.prepRawMedia },
  WAWebMediaStorage: { getOrCreateMediaObject: media.getOrCreateMediaObject },
  WAWebMmsMediaTypes: { msgToMediaType: ({ type }) => type, castToV4: (type) => type },
  WAWebMediaDataUtils: { shouldUseMediaCache: () => true },
  WAWebMediaInMemoryBlobCache: { InMemoryMediaBlobCache: media.blobCache },
  WAWebMediaMmsV4Upload: { uploadMedia: media.uploadMedia, uploadUnencryptedMedia: media.uploadMedia },
  WAWebDownloadManager: { downloadManager: { downloadAndMaybeDecrypt: media.downloadAndMaybeDecrypt } },
  WAWebSyncGatingUtils: {},
  WAWebNonMessageDataRequestPlaceholderMessageResendUtils: { handlePlaceholderMsgsSeen() {} },
  WAWebCallCollection: calls,
  WAWebAddonReactionTableMode: { reactionTableMode: reactionTable },
  WAWebAddonPollVoteTableMode: { pollVoteTableMode: { bulkUpsert: nothing } },
};

const modules = { ...connecting, ...chatting, ...messaging };

/** A module without some of its exports. */
function without(module, exports) {
  return new Proxy(module, {
    get: (target, name) => (exports.includes(name) ? undefined : Reflect.get(target, name)),
    has: (target, name) => !exports.includes(name) && Reflect.has(target, name),
    ownKeys: (target) => Reflect.ownKeys(target).filter((name) => !exports.includes(name)),
  });
}

/** WhatsApp Web's module loader, without what is gone at the moment. */
export function requireModule(name) {
  const { moduleGone } = switches;
  if (!(name in modules) || moduleGone.includes(name)) throw new Error(`Requiring unknown module "${name}"`);
  const gone = moduleGone.flatMap((path) =>
    path.startsWith(`${name}.`) ? [path.slice(name.length + 1)] : [],
  );
  return gone.length > 0 ? without(modules[name], gone) : modules[name];
}
