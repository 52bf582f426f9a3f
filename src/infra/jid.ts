import { type CountryCode, parsePhoneNumberFromString } from 'libphonenumber-js';
import { GatewayError } from '../actors/errors.ts';
import type { Jid } from '../actors/ports.ts';

/** Longer than any address there is; nothing longer is looked at. */
const MAX_LENGTH = 64;
/** What people write between digits: spaces, dashes, dots and brackets of every script. */
const SEPARATORS = /[\p{Z}\p{Pd}\p{Ps}\p{Pe}.\t]/gu;
/** E.164 knows at most 15 digits; the shortest numbers with their country have 7. */
const WHATSAPP_NUMBER = /^[1-9]\d{6,14}$/;
/** What was parsed lately: a back end writes to the same people again, and reading a number is slow. */
const parsed = new Map<string, Jid>();
const MAX_PARSED = 5_000;
const GROUP_ID = /^\d{5,25}(-\d{5,25})?$/;
const LID = /^\d{5,25}$/;

/**
 * The one form of an address of SPEC §4: `628…@c.us`, `…@g.us` or `…@lid`.
 *
 * Accepts national numbers (`08…`, of `defaultCountry`, e.g. `ID`), international ones with or without `+`,
 * and JIDs, those of `@s.whatsapp.net` included. The result given again gives itself.
 * A number needs to be possible, not assigned: which ranges are in use changes faster than any table.
 * @throws GatewayError `INVALID_PAYLOAD`, which doesn't repeat the text.
 */
export function parseJid(text: string, defaultCountry: string): Jid {
  if (text.length > MAX_LENGTH) throw invalid();
  const key = `${defaultCountry} ${text}`;
  const known = parsed.get(key);
  if (known !== undefined) return known;
  const jid = parse(text, defaultCountry);
  if (parsed.size >= MAX_PARSED) parsed.clear();
  parsed.set(key, jid);
  return jid;
}

/** `parseJid` without its memory. */
function parse(text: string, defaultCountry: string): Jid {
  const at = text.indexOf('@');
  if (at === -1) return `${parseNumber(text.replace(SEPARATORS, ''), defaultCountry)}@c.us`;
  const user = text.slice(0, at).trim();
  switch (
    text
      .slice(at + 1)
      .trim()
      .toLowerCase()
  ) {
    case 'c.us':
    case 's.whatsapp.net':
      return `${parseUser(user.replace(SEPARATORS, ''), defaultCountry)}@c.us`;
    case 'g.us':
      if (GROUP_ID.test(user)) return `${user}@g.us`;
      break;
    case 'lid':
      if (LID.test(user)) return `${user}@lid`;
      break;
  }
  throw invalid();
}

/** The digits before `@c.us`: taken as WhatsApp wrote them, unless they are in a form that it never writes. */
function parseUser(user: string, defaultCountry: string): string {
  return WHATSAPP_NUMBER.test(user) ? user : parseNumber(user, defaultCountry);
}

/** The international digits of a number with its separators gone. */
function parseNumber(compact: string, defaultCountry: string): string {
  // `00…` dials abroad from some countries and nothing from others: too ambiguous to send to.
  if (!/^\+?\d+$/.test(compact) || compact.startsWith('00')) throw invalid();
  const isNational = compact.startsWith('0');
  const number = isNational
    ? parsePhoneNumberFromString(compact, defaultCountry as CountryCode)
    : parsePhoneNumberFromString(compact.startsWith('+') ? compact : `+${compact}`);
  const digits = number?.number.slice(1) ?? '';
  if (!number?.isPossible() || !WHATSAPP_NUMBER.test(digits)) throw invalid();
  return digits;
}

/** The one refusal; the text stays out of it, since it may be a phone number. */
function invalid(): GatewayError {
  return new GatewayError(
    'INVALID_PAYLOAD',
    'Not a phone number or WhatsApp address: use 08…, +62…, 62…, …@c.us, …@g.us or …@lid.',
  );
}
