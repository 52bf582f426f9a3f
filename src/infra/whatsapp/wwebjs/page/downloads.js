import { findMessage } from './changes.js';
import { invoke, offer, PageError } from './core.js';

/** The download manager reports its steps to it. */
const UNMEASURED = { addAnnotations: () => UNMEASURED, addPoint: () => UNMEASURED };

/** Downloads that the service has not ended: how to cancel each, and its bytes once they are there. */
const downloads = new Map();

/** Downloads and decrypts the file of a message; resolves with its size, in bytes. */
async function download(key, messageId, maxBytes) {
  const controller = new AbortController();
  downloads.set(key, { controller });
  const message = await findMessage(messageId);
  if (!message?.directPath) throw new PageError('NO_FILE', 'the message has no file');
  const bytes = await invoke('WAWebDownloadManager.downloadManager.downloadAndMaybeDecrypt', {
    directPath: message.directPath,
    encFilehash: message.encFilehash,
    filehash: message.filehash,
    mediaKey: message.mediaKey,
    mediaKeyTimestamp: message.mediaKeyTimestamp,
    type: message.type,
    mimetype: message.mimetype,
    signal: controller.signal,
    downloadQpl: UNMEASURED,
  });
  if (bytes.byteLength > maxBytes) throw new PageError('TOO_LARGE', 'the file is larger than allowed');
  // The browser may keep a blob on its disk. One that was cancelled meanwhile is not kept.
  if (downloads.has(key)) downloads.set(key, { controller, blob: new Blob([bytes]) });
  return bytes.byteLength;
}

/** A piece of a file that was downloaded, in base64. */
function readDownload(key, start, length) {
  const { blob } = downloads.get(key) ?? {};
  if (!blob) throw new PageError('NO_FILE', 'there is no such download');
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(',') + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob.slice(start, start + length));
  });
}

/** Cancels a download, or drops its bytes. */
function endDownload(key) {
  downloads.get(key)?.controller.abort();
  downloads.delete(key);
}

offer('download', download);
offer('readDownload', readDownload);
offer('endDownload', endDownload);
