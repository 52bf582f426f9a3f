import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign, verify } from 'node:crypto';
import { z } from 'zod';
import type { Jid } from '../../actors/domain/identity.ts';
import type { WebAuthnJson } from '../../actors/domain/ports/whatsapp.ts';
import { SandboxRefusal } from './types.ts';

const RP_ID = 'whatsapp.com';
const ORIGIN = 'https://web.whatsapp.com';
/** Authenticator flags: the user was present, and verified. */
const PRESENT_AND_VERIFIED = 0x05;

interface Passkey {
  /** The credential's id, base64url. */
  id: string;
  publicKey: KeyObject;
  /** Absent when the passkey is not on the account's phone. */
  privateKey?: KeyObject;
}

/** The checked part of an `AuthenticationResponseJSON`. */
const assertionSchema = z.object({
  id: z.string(),
  response: z.object({ clientDataJSON: z.string(), authenticatorData: z.string(), signature: z.string() }),
});
const clientDataSchema = z.object({ type: z.string(), challenge: z.string(), origin: z.string() });

const sha256 = (data: string | Uint8Array) => createHash('sha256').update(data).digest();
const fromBase64Url = (text: string) => Buffer.from(text, 'base64url');

/** The passkeys of all accounts (ES256), for phones, which sign, and for WhatsApp, which verifies. */
export class Passkeys {
  readonly #passkeys = new Map<Jid, Passkey>();

  /** Sets the account's passkey, which is on an authenticator other than its phone. */
  register(pn: Jid, passkey: { id: string; publicKey: KeyObject }): void {
    this.#passkeys.set(pn, passkey);
  }

  /** Request options (`PublicKeyCredentialRequestOptionsJSON`) with a new challenge. */
  challenge(pn: Jid): WebAuthnJson & { challenge: string } {
    return {
      challenge: randomBytes(32).toString('base64url'),
      rpId: RP_ID,
      userVerification: 'required',
      timeout: 60_000,
      allowCredentials: [{ type: 'public-key', id: this.#of(pn).id }],
    };
  }

  /** The assertion of the account's phone. @throws SandboxRefusal WRONG_PASSKEY when the passkey is not on it */
  sign(pn: Jid, challenge: string): WebAuthnJson {
    const { id, privateKey } = this.#of(pn);
    if (!privateKey) throw new SandboxRefusal('WRONG_PASSKEY', 'The passkey is not on this phone.');
    const clientData = Buffer.from(JSON.stringify({ type: 'webauthn.get', challenge, origin: ORIGIN }));
    const authenticatorData = Buffer.concat([
      sha256(RP_ID),
      Buffer.from([PRESENT_AND_VERIFIED]),
      Buffer.alloc(4),
    ]);
    const signature = sign('sha256', Buffer.concat([authenticatorData, sha256(clientData)]), privateKey);
    return {
      id,
      rawId: id,
      type: 'public-key',
      response: {
        clientDataJSON: clientData.toString('base64url'),
        authenticatorData: authenticatorData.toString('base64url'),
        signature: signature.toString('base64url'),
      },
      clientExtensionResults: {},
    };
  }

  /** Verifies an assertion as a relying party does. @throws SandboxRefusal WRONG_PASSKEY, naming what is wrong */
  check(pn: Jid, challenge: string, assertion: unknown): void {
    const refuse = (what: string) => new SandboxRefusal('WRONG_PASSKEY', `The passkey has a wrong ${what}.`);
    const parsed = assertionSchema.safeParse(assertion);
    if (!parsed.success) throw refuse('form');
    const passkey = this.#of(pn);
    const { id, response } = parsed.data;
    const clientDataJson = fromBase64Url(response.clientDataJSON);
    const clientData = clientDataSchema.safeParse(parsedJson(clientDataJson));
    const authenticatorData = fromBase64Url(response.authenticatorData);
    if (id !== passkey.id) throw refuse('credential');
    if (!clientData.success || clientData.data.type !== 'webauthn.get') throw refuse('type');
    if (clientData.data.challenge !== challenge) throw refuse('challenge');
    if (clientData.data.origin !== ORIGIN) throw refuse('origin');
    if (!authenticatorData.subarray(0, 32).equals(sha256(RP_ID))) throw refuse('relying party');
    const flags = authenticatorData[32] ?? 0;
    if ((flags & PRESENT_AND_VERIFIED) !== PRESENT_AND_VERIFIED) throw refuse('verification of its owner');
    const signed = Buffer.concat([authenticatorData, sha256(clientDataJson)]);
    if (!verify('sha256', signed, passkey.publicKey, fromBase64Url(response.signature)))
      throw refuse('signature');
  }

  /** The account's passkey, created on its phone on first use. */
  #of(pn: Jid): Passkey {
    let passkey = this.#passkeys.get(pn);
    if (!passkey) {
      const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      passkey = { id: randomBytes(16).toString('base64url'), ...keys };
      this.#passkeys.set(pn, passkey);
    }
    return passkey;
  }
}

/** The value of a JSON text; undefined when invalid. */
function parsedJson(text: Buffer): unknown {
  try {
    return JSON.parse(text.toString());
  } catch {
    return undefined;
  }
}
