import { invoke, offer, PageError, use } from './core.js';

/** How WhatsApp Web is to prepare the file of each kind; what is not named here it finds out itself. */
const preparations = {
  image: () => ({}),
  video: () => ({}),
  audio: ({ voice, seconds, waveform }) => ({
    isPtt: voice === true,
    ...(waveform && { precomputedFields: { duration: seconds, waveform: Uint8Array.from(waveform) } }),
  }),
  document: ({ file }) => ({ asDocument: true, filename: file.filename }),
  sticker: () => ({ asSticker: true }),
};

/** Prepares and uploads a file as WhatsApp Web does; resolves with the fields of its message. */
async function uploadedFields(content, file) {
  const OpaqueData = use('WAWebMediaOpaqueData');
  const opaque = (blob) => invoke('WAWebMediaOpaqueData.createFromData', blob, blob.type);
  const data = await opaque(file);
  const preparation = invoke('WAWebPrepRawMedia.prepRawMedia', data, preparations[content.kind](content));
  const prepared = await preparation.waitForPrep();
  const object = invoke('WAWebMediaStorage.getOrCreateMediaObject', prepared.filehash);
  if (!(prepared.mediaBlob instanceof OpaqueData)) prepared.mediaBlob = await opaque(prepared.mediaBlob);
  prepared.renderableUrl = prepared.mediaBlob.url();
  object.consolidate(prepared.toJSON());
  prepared.mediaBlob.autorelease();
  const isCached = invoke(
    'WAWebMediaDataUtils.shouldUseMediaCache',
    invoke('WAWebMmsMediaTypes.castToV4', object.type),
  );
  if (isCached)
    use('WAWebMediaInMemoryBlobCache.InMemoryMediaBlobCache').put(
      object.filehash,
      prepared.mediaBlob.formData(),
    );
  const { type, isGif, mimetype } = prepared;
  const mediaType = invoke('WAWebMmsMediaTypes.msgToMediaType', { type, isGif });
  const uploaded = await invoke('WAWebMediaMmsV4Upload.uploadMedia', {
    mimetype,
    mediaObject: object,
    mediaType,
  });
  const entry = uploaded?.mediaEntry;
  if (!entry) throw new PageError('NO_UPLOAD', 'the file was not uploaded');
  prepared.set({
    clientUrl: entry.mmsUrl,
    deprecatedMms3Url: entry.deprecatedMms3Url,
    directPath: entry.directPath,
    mediaKey: entry.mediaKey,
    mediaKeyTimestamp: entry.mediaKeyTimestamp,
    filehash: object.filehash,
    encFilehash: entry.encFilehash,
    uploadhash: entry.uploadHash,
    size: object.size,
    streamingSidecar: entry.sidecar,
    firstFrameSidecar: entry.firstFrameSidecar,
  });
  return { ...prepared, ...prepared.toJSON(), body: prepared.preview };
}

/** Uploads by the file input that holds the file; they go with the input. */
const uploads = new WeakMap();

/** Starts the upload of a file: Chromium reads it from the disk, its bytes do not come through the service. */
function startUpload(content, input) {
  const [{ mimetype, filename }, [bytes]] = [content.file, input.files];
  if (!bytes) throw new PageError('NO_FILE', 'the file can not be read');
  const file = new File([bytes], filename, { type: mimetype });
  const upload = uploadedFields(content, file);
  uploads.set(input, upload);
  upload.catch(() => undefined);
}

/** Waits for an upload: true when it is done, false when it goes on after `ms`. */
function awaitUpload(input, ms) {
  const late = new Promise((resolve) => setTimeout(resolve, ms, false));
  return Promise.race([uploads.get(input).then(() => true), late]);
}

/** The fields of a message whose file was uploaded. */
export function mediaFields({ caption, file, kind }, input) {
  return uploads.get(input).then((fields) => ({
    ...fields,
    ...(caption && { caption, isCaptionByUser: true }),
    ...(kind === 'document' && { filename: file.filename }),
  }));
}

offer('startUpload', startUpload);
offer('awaitUpload', awaitUpload);
