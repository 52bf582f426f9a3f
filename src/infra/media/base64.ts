import { GatewayError } from '../../actors/errors.ts';

/** Longest head of a data URL that is looked at: `data:image/jpeg;charset=…;base64`. */
const MAX_HEAD = 256;

/**
 * The bytes of plain base64 or of a `data:…;base64,` URL. The size is reckoned before anything is decoded.
 * @throws GatewayError `MEDIA_TOO_LARGE` over `maxBytes`, `INVALID_PAYLOAD` for anything but strict base64.
 */
export function decodeBase64(text: string, maxBytes: number): Buffer {
  const start = text.startsWith('data:') ? payloadStart(text) : 0;
  const length = text.length - start;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  if ((length / 4) * 3 - padding > maxBytes)
    throw new GatewayError('MEDIA_TOO_LARGE', `The media is over ${maxBytes} bytes.`);
  const encoded = start === 0 ? text : text.slice(start);
  if (length === 0 || length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) throw notBase64();
  return Buffer.from(encoded, 'base64');
}

/** Where the payload of a data URL begins; its media type is a claim, and not looked at. */
function payloadStart(text: string): number {
  const head = text.slice(0, MAX_HEAD);
  const comma = head.indexOf(',');
  if (comma === -1 || !/;\s*base64$/i.test(head.slice(0, comma))) throw notBase64();
  return comma + 1;
}

/** The one refusal of what is not base64. */
function notBase64(): GatewayError {
  return new GatewayError('INVALID_PAYLOAD', 'The data is neither base64 nor a base64 data URL.', {
    details: { issues: [{ path: 'data', message: 'is neither base64 nor a base64 data URL' }] },
  });
}
