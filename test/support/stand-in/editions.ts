/**
 * How the page differs from one build of WhatsApp Web to another. Each switch is one change that was seen in the
 * wild; `SOURCES` says where and when, and `EDITIONS` which of them a build has.
 */
export interface Switches {
  /** The property in which a message key keeps its text. */
  msgKey: '_serialized' | '$1';
  /** Errors of the page say `r: r`; what they mean is in a property of theirs. */
  wordlessErrors: boolean;
  /** A media model has an `__x_id`, and a message that carries one is not taken. */
  mediaId: boolean;
  /** A download fails unless it names the mimetype. */
  downloadNeedsMime: boolean;
}

/** Where each switch was seen first (public repository and thread), and when. */
export const SOURCES: Record<keyof Switches, { source: string; since: string }> = {
  msgKey: { source: 'wa-js#3484, wwebjs/whatsapp-web.js#201830', since: '2026-07-13' },
  wordlessErrors: { source: 'wwebjs/whatsapp-web.js#201833', since: '2026-07-15' },
  mediaId: { source: 'wwebjs/whatsapp-web.js#201921, devlikeapro/waha#2271', since: '2026-09-17' },
  downloadNeedsMime: { source: 'wwebjs/whatsapp-web.js#201908', since: '2026-09-20' },
};

const april: Switches = {
  msgKey: '_serialized',
  wordlessErrors: false,
  mediaId: false,
  downloadNeedsMime: false,
};
const july: Switches = { ...april, msgKey: '$1' };
const october: Switches = { ...july, wordlessErrors: true, mediaId: true, downloadNeedsMime: true };

/** The page at three moments of 2026. */
export const EDITIONS = { '2026-04': april, '2026-07': july, '2026-10': october };

export type Edition = keyof typeof EDITIONS;
