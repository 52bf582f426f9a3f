import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';

/** Longest head of a data URL: `data:image/jpeg;charset=…;base64`. */
const MAX_HEAD = 256;

/** The line breaks of MIME and PEM, and what indents the lines. */
const LINE_BREAKS = /[\r\n]+[ \t]*/g;

/**
 * The bytes of plain base64 or of a `data:…;base64,` URL, with or without line breaks, and with blanks around it.
 * The size is computed before anything is decoded.
 * @throws GatewayError `MEDIA_TOO_LARGE` over `maxBytes`, `INVALID_PAYLOAD` for anything but strict base64.
 */
export function decodeBase64(text: string, maxBytes: number): Buffer {
  const encoded = payloadOf(text.trim()).trim().replace(LINE_BREAKS, '');
  const padding = encoded.endsWith('==') ? 2 : encoded.endsWith('=') ? 1 : 0;
  if ((encoded.length / 4) * 3 - padding > maxBytes)
    throw new GatewayError('MEDIA_TOO_LARGE', TEXTS.MEDIA_TOO_LARGE.bytes(maxBytes));
  if (encoded.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) throw notBase64();
  return Buffer.from(encoded, 'base64');
}

/** The payload of a data URL, or the text itself; the media type is a claim, and not looked at. */
function payloadOf(text: string): string {
  if (!/^data:/i.test(text)) return text;
  const head = text.slice(0, MAX_HEAD);
  const comma = head.indexOf(',');
  if (comma === -1 || !/;\s*base64\s*$/i.test(head.slice(0, comma))) throw notBase64();
  return text.slice(comma + 1);
}

function notBase64(): GatewayError {
  return new GatewayError('INVALID_PAYLOAD', TEXTS.INVALID_PAYLOAD.notBase64, {
    details: { issues: [{ path: 'data', message: 'is neither base64 nor a base64 data URL' }] },
  });
}
