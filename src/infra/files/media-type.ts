import { fileTypeFromFile, supportedMimeTypes } from 'file-type';

const UNKNOWN = 'application/octet-stream';
/** A type without parameters (RFC 6838). */
const WELL_FORMED = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/;
/** What curl sends by default; it says nothing about a file. */
const NO_CLAIM = ['application/x-www-form-urlencoded', UNKNOWN];
/** Families whose formats are known by their bytes, under whatever name; SVG is text. */
const HAS_BYTES = /^(image|audio|video|font)\/(?!svg\+xml$)/;
/** Formats that others are made of: `application/msword` is a compound file, SVG is XML. */
const CONTAINERS = new Set<string>(['application/zip', 'application/x-cfb', 'application/xml']);

/**
 * The type of a file, by its bytes. The claim counts only where the bytes don't show a type (text, CSV, JSON, HTML), or
 * no more than a container; and then only when that type has no bytes to be known by: a claimed `image/png` without the
 * bytes of one is `application/octet-stream`.
 */
export async function mediaTypeOf(path: string, claimed: string | undefined): Promise<string> {
  const detected = (await fileTypeFromFile(path).catch(() => undefined))?.mime;
  if (detected !== undefined && !CONTAINERS.has(detected)) return detected;
  return claimWithoutBytes(claimed) ?? detected ?? UNKNOWN;
}

/** The claimed type when it is well-formed and not one that its bytes would show. */
function claimWithoutBytes(claimed = ''): string | undefined {
  const type = claimed.split(';')[0]!.trim().toLowerCase();
  const isUsable = WELL_FORMED.test(type) && !NO_CLAIM.includes(type) && !HAS_BYTES.test(type);
  return isUsable && !(supportedMimeTypes as ReadonlySet<string>).has(type) ? type : undefined;
}
