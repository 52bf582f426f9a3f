import type { Response } from 'express';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';
import type { DraftFile } from '../network/types.ts';

/** What a browser may show; everything else is downloaded, so that a page among the files is never run. */
const SHOWN = /^(image\/(jpeg|png|gif|webp)|video\/.+|audio\/.+)$/;

/**
 * Sends a file, or the one range of it that the request asks for, which a player needs to seek.
 * @throws GatewayError NOT_FOUND, RANGE_NOT_SATISFIABLE
 */
export function sendMedia(res: Response, file: DraftFile | null): void {
  if (!file) throw new GatewayError('NOT_FOUND', TEXTS.NOT_FOUND.file);
  const bytes = Buffer.from(file.data.buffer, file.data.byteOffset, file.data.byteLength);
  const ranges = res.req.range(bytes.length, { combine: true });
  if (ranges === -1) {
    res.setHeader('Content-Range', `bytes */${bytes.length}`);
    throw new GatewayError('RANGE_NOT_SATISFIABLE', TEXTS.RANGE_NOT_SATISFIABLE.size(bytes.length));
  }
  if (!SHOWN.test(file.mimetype)) res.attachment(file.filename);
  // As it is: Express would add a charset that nothing is known of.
  res.setHeader('Content-Type', file.mimetype);
  res.setHeader('X-Content-Type-Options', 'nosniff');
  res.setHeader('Accept-Ranges', 'bytes');
  const [range] = Array.isArray(ranges) && ranges.type === 'bytes' && ranges.length === 1 ? ranges : [];
  if (!range) {
    res.send(bytes);
    return;
  }
  res.status(206).setHeader('Content-Range', `bytes ${range.start}-${range.end}/${bytes.length}`);
  res.send(bytes.subarray(range.start, range.end + 1));
}
