/**
 * How the page differs from one build of WhatsApp Web to another. Each switch is one change that was seen in the
 * wild; `SOURCES` says where and when, and `EDITIONS` which of them a build has. What is not of the page but of
 * WhatsApp itself (a passkey at linking, restrictions, LIDs, the notice after linking) is a setting of the network.
 */
export interface Switches {
  /** The build that the page names. */
  webVersion: string;
  /** The property in which a message key keeps its text. */
  msgKey: '_serialized' | '$1';
  /** Errors of the page say `r: r`; what they mean is in a property of theirs. */
  wordlessErrors: boolean;
  /** A media model has an `__x_id`, and a message that carries one is not taken. */
  mediaId: boolean;
  /** A download fails unless it names the mimetype. */
  downloadNeedsMime: boolean;
  /** `refreshQR` is no longer part of `Cmd`, but of `WAWebLaunchSocketUtils`. */
  refreshQrMoved: boolean;
  /** When `window.Debug` appears: a good second before `require`, with it, a good second after it, or never. */
  debug: 'first' | 'early' | 'late' | 'never';
  /** A browser that calls itself `HeadlessChrome` gets a page that says it is not supported. */
  refusesHeadless: boolean;
  /** A look-up of a number answers the LID, whatever address the chat has. */
  existsAnswersLid: boolean;
  /** `Socket.hasSynced` is true without ever having changed. */
  syncedEarly: boolean;
  /** The page reloads itself once, so many ms after a fresh link. */
  reloadAfterLinkMs: number | null;
  /** What `require` does not know (`WAWebX`), or knows without one of its exports (`WAWebX.y`). */
  moduleGone: string[];
}

/** Where each switch was seen first (public repository and thread), and when. */
export const SOURCES: Record<keyof Switches, { source: string; since: string }> = {
  webVersion: { source: 'npm @wppconnect/wa-version', since: 'always' },
  msgKey: { source: 'wa-js#3484, wwebjs/whatsapp-web.js#201830', since: '2026-07-13' },
  wordlessErrors: { source: 'wwebjs/whatsapp-web.js#201833', since: '2026-07-15' },
  mediaId: { source: 'wwebjs/whatsapp-web.js#201921, devlikeapro/waha#2271', since: '2026-09-17' },
  downloadNeedsMime: { source: 'wwebjs/whatsapp-web.js#201908', since: '2026-09' },
  refreshQrMoved: { source: 'notes of users of devlikeapro/waha', since: '2026-07-16' },
  debug: { source: 'wppconnect-team/wa-js#3501', since: '2026-07-29' },
  refusesHeadless: { source: 'wppconnect-team/wa-js#3501', since: '2026-07-29' },
  existsAnswersLid: { source: 'wppconnect-team/wa-js#3546', since: '2026-07' },
  syncedEarly: { source: 'wwebjs/whatsapp-web.js#5758, #3785', since: '2025' },
  reloadAfterLinkMs: { source: 'rmyndharis/OpenWA#1081', since: '2026-08' },
  moduleGone: { source: 'wwebjs/whatsapp-web.js#5775, wppconnect-team/wa-js#3476', since: 'always' },
};

const april: Switches = {
  webVersion: '2.3000.1037000000',
  msgKey: '_serialized',
  wordlessErrors: false,
  mediaId: false,
  downloadNeedsMime: false,
  refreshQrMoved: false,
  debug: 'early',
  refusesHeadless: false,
  existsAnswersLid: false,
  syncedEarly: false,
  reloadAfterLinkMs: null,
  moduleGone: [],
};
const july: Switches = { ...april, webVersion: '2.3000.1043220887', msgKey: '$1' };
const october: Switches = {
  ...july,
  webVersion: '2.3000.1049220475',
  wordlessErrors: true,
  mediaId: true,
  downloadNeedsMime: true,
  refreshQrMoved: true,
  debug: 'late',
  refusesHeadless: true,
};

/** The page at three moments of 2026. */
export const EDITIONS = { '2026-04': april, '2026-07': july, '2026-10': october };

export type Edition = keyof typeof EDITIONS;
