import { PassThrough } from 'node:stream';
import { Busboy } from '@fastify/busboy';
import type { Request, Response } from 'express';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';
import type { FileClaim, StoredFile } from '../../actors/domain/ports/files.ts';
import { invalid } from './error-handler.ts';
import { bodyDeadlineMs } from './json-body.ts';

/** Largest file of an upload. */
export const MAX_FILE_BYTES = 64 * 1024 * 1024;
/** What a form may have besides its file: boundaries, and the headers of the part. */
const FORM_OVERHEAD = 64 * 1024;
const FORM = 'multipart/form-data';
/** What a part of a form has that names no type of its own. */
const NO_TYPE = 'application/octet-stream';
/** What may wait for the disk. */
const BUFFER_BYTES = 256 * 1024;

/** Stores the bytes of an upload; whatever `bytes` throws ends the upload, and nothing of it stays. */
type Store = (bytes: AsyncIterable<Buffer>, claim: FileClaim) => Promise<StoredFile>;

/**
 * Streams the one file of a request into `store`: the field `file` of a form, or the whole body. Put authentication
 * before. A form may also have the text fields in `fields`; a `type` before the file is its media type where the part
 * names none. An upload that is slower than 2 Mbit/s for half a minute is ended, and its connection closed.
 *
 * Errors: `PAYLOAD_TOO_LARGE`, as soon as it is known; `UNSUPPORTED_MEDIA_TYPE` for other multipart bodies and
 * compressed ones; `INVALID_PAYLOAD` for a form without a file, with anything else beside it, or cut off.
 */
export async function receiveFile(
  req: Request,
  res: Response,
  store: Store,
  fields: readonly string[] = [],
): Promise<StoredFile> {
  const isForm = req.is(FORM) === FORM;
  assertAcceptable(req, isForm);
  if (/100-continue/i.test(req.headers.expect ?? '')) res.writeContinue();
  const bytes = new PassThrough({ highWaterMark: BUFFER_BYTES });
  // Their reader gets the error; until then there may be none.
  bytes.on('error', () => {});
  const unwatch = watch(req, res, bytes, isForm);
  try {
    const claim = isForm ? await openForm(req, bytes, fields) : openBody(req, bytes);
    return await store(checked(bytes), claim);
  } finally {
    unwatch();
    // What is left of a refused body is received and dropped, so that its sender reads the answer.
    req.unpipe();
    req.resume();
  }
}

/** Refuses what its headers already show to be unacceptable. */
function assertAcceptable(req: Request, isForm: boolean): void {
  const { 'content-type': type = '', 'content-encoding': encoding = 'identity' } = req.headers;
  if (encoding !== 'identity' || (!isForm && /^multipart\//i.test(type)))
    throw new GatewayError('UNSUPPORTED_MEDIA_TYPE', TEXTS.UNSUPPORTED_MEDIA_TYPE.upload);
  if (Number(req.headers['content-length'] ?? 0) > limitOf(isForm)) throw tooLarge();
}

/** The largest body. */
function limitOf(isForm: boolean): number {
  return isForm ? MAX_FILE_BYTES + FORM_OVERHEAD : MAX_FILE_BYTES;
}

function tooLarge(): GatewayError {
  return new GatewayError('PAYLOAD_TOO_LARGE', TEXTS.PAYLOAD_TOO_LARGE.file(MAX_FILE_BYTES));
}

/** Ends `bytes` with an error when the body is cut off, too slow or too large; returns what stops the watch. */
function watch(req: Request, res: Response, bytes: PassThrough, isForm: boolean): () => void {
  const start = performance.now();
  let received = 0;
  const onData = (chunk: Buffer): void => {
    received += chunk.length;
    if (received > limitOf(isForm)) bytes.destroy(tooLarge());
  };
  const onClose = (): void => {
    if (!req.complete) bytes.destroy(new GatewayError('INVALID_PAYLOAD', TEXTS.INVALID_PAYLOAD.cutOff));
  };
  const onTime = (): void => {
    const left = start + bodyDeadlineMs(received) - performance.now();
    if (left > 0) {
      timer = setTimeout(onTime, left);
      return;
    }
    res.setHeader('Connection', 'close');
    bytes.destroy(new GatewayError('INVALID_PAYLOAD', TEXTS.INVALID_PAYLOAD.tooSlow));
  };
  let timer = setTimeout(onTime, bodyDeadlineMs(0));
  req.on('data', onData).on('close', onClose);
  // The stream flows once it is piped.
  req.pause();
  return () => {
    clearTimeout(timer);
    req.off('data', onData).off('close', onClose);
  };
}

/** Pipes a whole body into `bytes`. */
function openBody(req: Request, bytes: PassThrough): FileClaim {
  req.pipe(bytes);
  return { mimetype: req.headers['content-type'] };
}

/**
 * Pipes the file of a form into `bytes`, and resolves with what the form says of it as soon as it begins. `bytes` ends
 * once the whole form has been read, so that a fault after the file is one of the upload.
 */
function openForm(req: Request, bytes: PassThrough, fields: readonly string[]): Promise<FileClaim> {
  return new Promise((resolve, reject) => {
    const { 'content-type': type = '', ...headers } = req.headers;
    const form = openParser({ ...headers, 'content-type': type });
    let isFound = false;
    let claimed: string | undefined;
    const refuse = (path: string, message: string): void =>
      void bytes.destroy(invalid([{ path: path.slice(0, 100), message }]));
    bytes.once('error', reject);
    form.on('file', (name, file, filename, _encoding, mimetype) => {
      file.on('error', () => {});
      if (name !== 'file') refuse(String(name), 'is not a known field');
      else if (isFound) refuse('file', 'must be one file');
      else {
        isFound = true;
        file.pipe(bytes, { end: false });
        resolve({ filename, mimetype: mimetype === NO_TYPE ? (claimed ?? mimetype) : mimetype });
      }
    });
    form.on('field', (name, value) => {
      if (name === 'type') claimed = String(value);
      if (!fields.includes(String(name)))
        refuse(String(name), name === 'file' ? 'must be a file with a name' : 'is not a known field');
    });
    form.on('error', () => void bytes.destroy(malformed()));
    form.on('finish', () => {
      if (isFound) bytes.end();
      else refuse('file', 'is missing');
    });
    req.pipe(form);
  });
}

/** A parser for the form that the headers describe. */
function openParser(headers: { 'content-type': string }) {
  try {
    return new Busboy({ headers, limits: { fieldSize: 1_024, headerPairs: 20, headerSize: 16 * 1_024 } });
  } catch {
    // There is no boundary, or one that can't be searched for.
    throw malformed();
  }
}

function malformed(): GatewayError {
  return invalid(
    [{ path: '', message: 'is not a complete multipart/form-data body' }],
    TEXTS.INVALID_PAYLOAD.formIncomplete,
  );
}

/** The bytes of the file, which may be neither too many nor none. */
async function* checked(bytes: PassThrough): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of bytes as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_FILE_BYTES) throw tooLarge();
    yield chunk;
  }
  if (size === 0) throw invalid([{ path: 'file', message: 'is empty' }]);
}
