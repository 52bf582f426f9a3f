// The full metadata: with the smaller one nearly everything is a valid number of Indonesia.
import { type CountryCode, type PhoneNumber, parsePhoneNumberFromString } from 'libphonenumber-js/max';
import { LRUCache } from 'lru-cache';
import { TEXTS } from '../../actors/domain/error-texts.ts';
import { GatewayError } from '../../actors/domain/errors.ts';
import type { Jid } from '../../actors/domain/identity.ts';

/** Longer than any address. */
const MAX_LENGTH = 64;
/** Direction marks, zero-width characters and the like, which come along when a number is copied. */
const INVISIBLE = /\p{Cf}/gu;
/** Separators between digits: spaces, dashes, dots and brackets of every script. */
const SEPARATORS = /[\p{Z}\p{Pd}\p{Ps}\p{Pe}.]/gu;
/** The device that a JID may name, with the agent that older ones have before it: `628….0:12@s.whatsapp.net`. */
const DEVICE = /([._]\d{1,3})?:\d{1,3}$/;
/** E.164 knows at most 15 digits; the shortest numbers with their country have 7. */
const WHATSAPP_NUMBER = /^[1-9]\d{6,14}$/;
/** Mexican numbers as WhatsApp writes them, with a 1 that the country dropped in 2019. */
const MEXICAN_FORM = /^521\d{10}$/;
/** JIDs by country and text: parsing is slow, and back ends write to the same people. */
const parsed = new LRUCache<string, Jid>({ max: 5_000 });
const GROUP_ID = /^\d{5,25}(-\d{5,25})?$/;
const LID = /^\d{5,25}$/;

/**
 * The one form of an address: `628…@c.us`, `…@g.us` or `…@lid`.
 *
 * Accepts national numbers (`08…`, of `defaultCountry`, e.g. `ID`), international ones with or without `+`,
 * and JIDs, those of `@s.whatsapp.net` and of a device included. The result given again gives itself.
 * A number needs to be possible, not assigned: which ranges are in use changes faster than any table.
 * @throws GatewayError `INVALID_PAYLOAD`, which doesn't repeat the text; its message goes on from the field's name.
 */
export function parseJid(text: string, defaultCountry: string): Jid {
  if (text.length > MAX_LENGTH) throw invalid();
  const key = `${defaultCountry} ${text}`;
  const known = parsed.get(key);
  if (known !== undefined) return known;
  const jid = parse(text, defaultCountry);
  parsed.set(key, jid);
  return jid;
}

/** `parseJid` without its cache. */
function parse(written: string, defaultCountry: string): Jid {
  if (/\p{Cc}/u.test(written)) throw invalid();
  const text = written.replace(INVISIBLE, '');
  const at = text.indexOf('@');
  if (at === -1) return `${parseNumber(text.replace(SEPARATORS, ''), defaultCountry)}@c.us`;
  const user = text.slice(0, at).trim().replace(DEVICE, '');
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
  // `00…` is the international prefix of some countries only: ambiguous.
  if (!/^\+?\d+$/.test(compact) || compact.startsWith('00')) throw invalid();
  if (compact.startsWith('0')) return digitsOf(asNational(compact, defaultCountry));
  const digits = compact.replace('+', '');
  if (MEXICAN_FORM.test(digits)) return digits;
  const number = parsePhoneNumberFromString(`+${digits}`);
  const international = digitsOf(number);
  if (compact === digits) refuseAmbiguous(digits, defaultCountry, number);
  return international;
}

/** A number as it is dialled within the country. */
function asNational(digits: string, country: string): PhoneNumber | undefined {
  return parsePhoneNumberFromString(digits, country as CountryCode);
}

/** The digits of a possible number. */
function digitsOf(number: PhoneNumber | undefined): string {
  const digits = number?.number.slice(1) ?? '';
  if (!number?.isPossible() || !WHATSAPP_NUMBER.test(digits)) throw invalid();
  return digits;
}

/**
 * Refuses digits that would also be a number of the default country if they had lost a leading zero: they would reach a
 * stranger abroad. Digits that begin with the default country's own code are not ambiguous.
 */
function refuseAmbiguous(digits: string, country: string, abroad: PhoneNumber | undefined): void {
  const home = asNational(digits, country);
  if (!home?.isValid() || home.number === abroad?.number || digits.startsWith(home.countryCallingCode))
    return;
  throw new GatewayError(
    'INVALID_PAYLOAD',
    TEXTS.INVALID_PAYLOAD.ambiguousNumber(home.countryCallingCode, abroad?.countryCallingCode),
  );
}

/** The refusal; it does not repeat the text, which may be a phone number. */
function invalid(): GatewayError {
  return new GatewayError('INVALID_PAYLOAD', TEXTS.INVALID_PAYLOAD.address);
}
