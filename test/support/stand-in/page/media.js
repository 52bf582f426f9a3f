import { upload } from './line.js';
import { pageError } from './page-error.js';
import { switches } from './switches.js';

/** Bytes that the library passes on without looking in. */
export class OpaqueData {
  #blob;
  #url = null;

  constructor(blob) {
    this.#blob = blob;
  }

  static async createFromData(data, mimetype) {
    return new OpaqueData(data instanceof File ? data : new Blob([data], { type: mimetype }));
  }

  /** An address of the bytes inside this page. */
  url() {
    this.#url ??= URL.createObjectURL(this.#blob);
    return this.#url;
  }

  /** The address isn't needed any more. */
  autorelease() {
    if (this.#url) URL.revokeObjectURL(this.#url);
  }

  /** The bytes. */
  formData() {
    return this.#blob;
  }
}

/** What is known of a file to be sent. Its own members become members of the message: the bytes must not. */
class MediaData {
  constructor(facts, blob) {
    Object.assign(this, facts);
    if (switches.mediaId) this.__x_id = crypto.randomUUID();
    Object.defineProperty(this, 'mediaBlob', { value: blob, writable: true, enumerable: false });
  }

  set(facts) {
    Object.assign(this, facts);
  }

  toJSON() {
    return { ...this };
  }
}

/** A file as WhatsApp Web keeps it, apart from any message. */
class MediaObject {
  contentInfo = {};

  constructor(filehash) {
    this.filehash = filehash;
  }

  /** Takes over what the preparation found out. */
  consolidate({ type, size }) {
    Object.assign(this, { type, size });
  }
}

const objects = new Map();
const blobs = new Map();

/** SHA-256 in base64. */
export async function hashOf(blob) {
  const digest = await crypto.subtle.digest('SHA-256', await blob.arrayBuffer());
  return btoa(String.fromCharCode(...new Uint8Array(digest)));
}

/** WhatsApp's type of a file. */
function typeOf(mimetype, { asDocument, asSticker, isPtt }) {
  if (asDocument) return 'document';
  if (asSticker) return 'sticker';
  const [kind] = mimetype.split('/');
  if (kind === 'audio') return isPtt ? 'ptt' : 'audio';
  return kind === 'image' || kind === 'video' ? kind : 'document';
}

/** Finds out what a file is. */
async function prepare(data, options) {
  const blob = data.formData();
  const facts = {
    type: typeOf(blob.type, options),
    mimetype: blob.type,
    size: blob.size,
    filehash: await hashOf(blob),
    preview: '',
    // A file without a name reaches the page as one called "undefined".
    ...(blob.name && blob.name !== 'undefined' && { filename: options.filename ?? blob.name }),
    ...options.precomputedFields,
  };
  return new MediaData(facts, data);
}

/** `WAWebPrepRawMedia`. */
export function prepRawMedia(data, options) {
  return { waitForPrep: () => prepare(data, options) };
}

/** `WAWebMediaStorage`. */
export function getOrCreateMediaObject(filehash) {
  if (!objects.has(filehash)) objects.set(filehash, new MediaObject(filehash));
  return objects.get(filehash);
}

/** `WAWebMediaInMemoryBlobCache`. */
export const blobCache = {
  put: (filehash, blob) => blobs.set(filehash, blob),
};

/** `WAWebMediaMmsV4Upload`: brings the bytes to the network, and lets them go here. */
export async function uploadMedia({ mediaObject: { filehash } }) {
  const directPath = await upload(blobs.get(filehash));
  blobs.delete(filehash);
  objects.delete(filehash);
  return {
    mediaEntry: {
      mmsUrl: `https://web.whatsapp.com${directPath}`,
      deprecatedMms3Url: `https://web.whatsapp.com${directPath}`,
      directPath,
      mediaKey: 'stand-in',
      mediaKeyTimestamp: Math.floor(Date.now() / 1000),
      encFilehash: filehash,
      uploadHash: filehash,
    },
  };
}

/** `WAWebDownloadManager`: the bytes of a message, or an error with status 404. */
export async function downloadAndMaybeDecrypt({ directPath, mimetype, signal }) {
  if (switches.downloadNeedsMime && !mimetype) throw pageError('mimetype is required');
  const response = await fetch(directPath, { signal });
  if (!response.ok) throw pageError('media is gone', { status: response.status });
  return response.arrayBuffer();
}
