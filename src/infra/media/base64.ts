import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';

/** Longest head of a data URL: `data:image/jpeg;charset=…;base64`. */
const MAX_HEAD = 256;

/** The line breaks of MIME and PEM, and what indents the lines. */
const LINE_BREAKS = /[\r\n]+[ \t]*/g;

/** Characters that are decoded at a time: whole groups of four. */
const PIECE = 256 * 1024;

/** What a base64 text holds, and the media type that a data URL claims. */
interface Decoded {
  type: string | undefined;
  bytes: AsyncIterable<Buffer>;
}

/**
 * The bytes of plain base64 or of a `data:…;base64,` URL, with or without line breaks, and with blanks around it; they
 * are decoded piece by piece as they are read. The size is computed before.
 * @throws GatewayError `MEDIA_TOO_LARGE` over `maxBytes`, `INVALID_PAYLOAD` for anything but strict base64.
 */
export function decodeBase64(text: string, maxBytes: number): Decoded {
  const { type, payload } = partsOf(text.trim());
  const encoded = payload.trim().replace(LINE_BREAKS, '');
  const padding = encoded.endsWith('==') ? 2 : encoded.endsWith('=') ? 1 : 0;
  if ((encoded.length / 4) * 3 - padding > maxBytes)
    throw new GatewayError('MEDIA_TOO_LARGE', TEXTS.MEDIA_TOO_LARGE.bytes(maxBytes));
  if (encoded.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) throw notBase64();
  return { type, bytes: pieces(encoded) };
}

async function* pieces(encoded: string): AsyncGenerator<Buffer> {
  for (let at = 0; at < encoded.length; at += PIECE)
    yield Buffer.from(encoded.slice(at, at + PIECE), 'base64');
}

/** The claimed type and the payload of a data URL, or the text itself. */
function partsOf(text: string): { type: string | undefined; payload: string } {
  if (!/^data:/i.test(text)) return { type: undefined, payload: text };
  const head = text.slice(0, MAX_HEAD);
  const comma = head.indexOf(',');
  const type = /^data:(.*);\s*base64\s*$/i.exec(head.slice(0, comma))?.[1];
  if (comma === -1 || type === undefined) throw notBase64();
  return { type, payload: text.slice(comma + 1) };
}

function notBase64(): GatewayError {
  return new GatewayError('INVALID_PAYLOAD', TEXTS.INVALID_PAYLOAD.notBase64, {
    details: { issues: [{ path: 'data', message: 'is neither base64 nor a base64 data URL' }] },
  });
}
