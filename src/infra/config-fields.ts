import { isIP } from 'node:net';
import { z } from 'zod';
import { INBOUND_TYPES, type InboundType } from '../actors/domain/settings.ts';

// Fields of the configuration that are more than a text or a number.

/** The parts of a list by comma, without blanks; none for an empty text. */
const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean),
  );

/** Kinds of messages; `text` for an empty text. */
export const inboundTypes = list
  .transform((types) => (types.length > 0 ? [...new Set(types)] : ['text']))
  .pipe(z.array(z.enum(INBOUND_TYPES)))
  .transform((types): InboundType[] => types);

/** A URL that is called as it is: http(s), without credentials. */
export const endpointUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http or https URL', abort: true })
  .refine((text) => {
    const { username, password, hash } = new URL(text);
    return !username && !password && !hash;
  }, 'must be a URL without credentials and fragment');

/** A URL that paths are appended to: http(s), nothing beside host and path, no slash at its end. */
export const baseUrl = z.string().transform((text, context) => {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:';
  const isBare = url && !url.username && !url.password && !url.search && !url.hash;
  if (isHttp && isBare) return url.origin + url.pathname.replace(/\/+$/, '');
  const message = isHttp
    ? 'must be a URL without credentials, query and fragment'
    : 'must be an http or https URL';
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

/** Scheme, host and port, and at most a slash: `https://app.example`, also of apps (`capacitor://localhost`). */
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@*,\\]+\/?$/i;

/** The origin as browsers write it (lower case, no default port, no slash), or null for what is none. */
function originOf(text: string): string | null {
  if (!ORIGIN.test(text) || !URL.canParse(text)) return null;
  const { origin, protocol, host } = new URL(text);
  if (origin !== 'null') return origin;
  return host === '' ? null : `${protocol}//${host.toLowerCase()}`;
}

/** A list of origins; `rest` says what else may stand in it, and which origins may. */
function originList(isAllowed: (origin: string) => boolean, error: string) {
  const origin = z.string().transform((text, context) => {
    const known = text === '*' ? text : originOf(text);
    if (known !== null && isAllowed(known)) return known;
    context.addIssue({ code: 'custom', message: error });
    return z.NEVER;
  });
  return list.pipe(z.array(origin));
}

/** Origins that browsers may call from; `*` for all. */
export const callerOrigins = originList(() => true, 'must be an origin such as https://app.example, or *');

/** Origins that are fetched from. */
export const fetchOrigins = originList(
  (origin) => /^https?:/.test(origin),
  'must be an http or https origin, such as http://127.0.0.1:9000',
);

/** An address to listen on, or a name of one; an IPv6 address with or without its brackets. */
export const bindAddress = z
  .string()
  .transform((text) => text.replace(/^\[(.*)\]$/, '$1'))
  .refine(
    (text) => isIP(text) !== 0 || /^[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?$/i.test(text),
    'must be an address or a host name, without scheme and port',
  );

/** A token that an `Authorization` header can carry. */
export const bearerToken = z
  .string()
  .regex(/^[\x21-\x7e]{1,4096}$/, 'must be at most 4096 visible ASCII characters, without blanks');

const NAMED_NETWORKS = ['loopback', 'linklocal', 'uniquelocal'];

/** True for an address, a network in CIDR form, or a name of networks. */
function isNetwork(text: string): boolean {
  const [, address, prefix] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  if (address === undefined || !isIP(address)) return NAMED_NETWORKS.includes(text);
  return Number(prefix ?? 0) <= (isIP(address) === 4 ? 32 : 128);
}

/** The proxies that are trusted: how many are in front, or their addresses; none by default. */
export const trustedProxies = list.transform((parts, context) => {
  const [first] = parts;
  if (parts.length === 1 && /^\d$/.test(first!)) return Number(first);
  if (parts.every(isNetwork)) return parts;
  context.addIssue({
    code: 'custom',
    message: 'must be a number of proxies, or addresses and networks by comma',
  });
  return z.NEVER;
});
