import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { type ErrorCode, GatewayError } from '../../src/actors/domain/errors.ts';
import { canonicalJson } from '../../src/http/middleware/idempotency.ts';
import { sourceOf } from '../../src/http/middleware/ip-rate-limit.ts';
import { jsonFault } from '../../src/http/middleware/json-limits.ts';
import { traceIdFrom } from '../../src/http/middleware/trace.ts';
import { agentId, keyHeader } from '../../src/http/openapi/request-schemas.ts';
import { ConfigError, readConfig } from '../../src/infra/config.ts';
import { createLogger } from '../../src/infra/logging/logger.ts';
import { decodeBase64 } from '../../src/infra/media/base64.ts';
import { assertPixels } from '../../src/infra/media/image-header.ts';
import { MediaFetcher } from '../../src/infra/media/media-fetcher.ts';
import { readWhole } from '../../src/infra/net/bounded-fetch.ts';
import type { Lookup } from '../../src/infra/net/guarded-lookup.ts';
import { parseJid } from '../../src/infra/whatsapp/phone-number.ts';
import { Profile } from '../../src/infra/whatsapp/wwebjs/profile.ts';
import { agentRef } from '../support/fixtures.ts';
import { gif, jpeg, png, webp } from '../support/images.ts';

/** Seconds for all properties (`npm run fuzz`); without it each runs a few hundred times. */
const FUZZ_SECONDS = Number(process.env.FUZZ_SECONDS ?? 0);

/** The code of the only error that a parser may throw; undefined when it returned a value. */
function codeOf(parse: () => unknown): ErrorCode | undefined {
  try {
    parse();
    return undefined;
  } catch (error) {
    expect(error).to.be.instanceOf(GatewayError);
    return (error as GatewayError).code;
  }
}

const anyText = fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.string({ maxLength: 300 }));

// ── Numbers and JIDs ─────────────────────────────────────────────────────────────────────────────────
const digits = (min: number, max: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: min, maxLength: max });
const almostJid = fc
  .tuple(
    fc.constantFrom('', '+', '0', '00', '62', ' '),
    digits(0, 26),
    fc.constantFrom('', '@', '@c.us', '@g.us', '@lid', '@s.whatsapp.net', '@C.US ', '@broadcast', '-1@g.us'),
  )
  .map((parts) => parts.join(''));
const separator = fc.constantFrom('', ' ', '-', '.', '(', ')', '\u00a0', '\u2013');

const jids = fc.property(fc.oneof(anyText, almostJid), (text) => {
  let jid = '';
  const code = codeOf(() => {
    jid = parseJid(text, 'ID');
  });
  if (code !== undefined) expect(code).to.equal('INVALID_PAYLOAD');
  else {
    expect(jid).to.match(/^([1-9]\d{6,14}@c\.us|\d{5,25}(-\d{5,25})?@g\.us|\d{5,25}@lid)$/);
    expect(parseJid(jid, 'ID')).to.equal(jid);
  }
});

const spellings = fc.property(
  digits(7, 8),
  fc.array(separator, { minLength: 12, maxLength: 12 }),
  (rest, by) => {
    const spelled = [...`812${rest}`].map((digit, i) => digit + (by[i] ?? '')).join('');
    for (const head of ['0', '62', '+62']) {
      expect(parseJid(head + spelled, 'ID')).to.equal(`62812${rest}@c.us`);
    }
  },
);

// ── Media ────────────────────────────────────────────────────────────────────────────────────────────
const base64Text = fc.oneof(
  anyText,
  fc.base64String({ maxLength: 300 }),
  fc
    .tuple(fc.constantFrom('data:', 'data:image/png;base64,', 'data:;BASE64,'), anyText)
    .map((parts) => parts.join('')),
);

/** What a base64 text decodes to. */
const decoded = (text: string, limit: number) => readWhole(decodeBase64(text, limit).bytes);

const base64 = fc.asyncProperty(base64Text, fc.integer({ min: 0, max: 200 }), async (text, limit) => {
  const code = codeOf(() => decodeBase64(text, limit));
  if (code !== undefined) expect(code).to.be.oneOf(['INVALID_PAYLOAD', 'MEDIA_TOO_LARGE']);
  else expect((await decoded(text, limit)).length).to.be.at.most(limit);
});

const roundTrips = fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (bytes) => {
  const text = Buffer.from(bytes).toString('base64');
  for (const spelled of [text, `data:image/png;base64,${text}`])
    expect([...(await decoded(spelled, 300))]).to.deep.equal([...bytes]);
});

const almostImage = fc
  .tuple(
    fc.constantFrom(png(), jpeg(), gif(), webp('VP8 '), webp('VP8L'), webp('VP8X')),
    fc.array(fc.tuple(fc.nat(40), fc.integer({ min: 0, max: 255 })), { maxLength: 8 }),
    fc.nat(80),
  )
  .map(([image, changes, length]) => {
    const bytes = Buffer.from(image.subarray(0, length === 0 ? image.length : length));
    for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
    return bytes;
  });

const imageFolder = mkdtempSync(join(tmpdir(), 'properties-'));
const imagePath = join(imageFolder, 'image');

const images = fc.asyncProperty(
  fc.oneof(
    almostImage,
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  ),
  fc.constantFrom('image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/tiff'),
  async (bytes, mimetype) => {
    await writeFile(imagePath, bytes);
    const error = await assertPixels(imagePath, mimetype).catch((thrown: unknown) => thrown);
    if (error === undefined) return;
    expect(error).to.be.instanceOf(GatewayError);
    expect((error as GatewayError).code).to.be.oneOf(['UNSUPPORTED_MEDIA_TYPE', 'MEDIA_TOO_LARGE']);
  },
);

/** Resolves every name to this address. */
const allIsLoopback: Lookup = (_host, options, callback) =>
  options.all ? callback(null, [{ address: '127.0.0.1', family: 4 }]) : callback(null, '127.0.0.1', 4);
const fetcher = new MediaFetcher({ allowedOrigins: [], lookup: allIsLoopback });

/** An octet in one of the notations of addresses. */
const octet = (value: number) =>
  fc.constantFrom(
    String(value),
    `0x${value.toString(16)}`,
    `0${value.toString(8)}`,
    `0x0${value.toString(16)}`,
  );
const privateHost = fc
  .tuple(
    fc.constantFrom([127], [10], [192, 168], [169, 254], [172, 16], [0], [100, 64], [224]),
    fc.nat(255),
    fc.nat(255),
    fc.nat(255),
  )
  .chain(([head, ...tail]) =>
    fc.oneof(
      fc.tuple(...[...head, ...tail].slice(0, 4).map(octet)).map((parts) => parts.join('.')),
      fc.constant(`[::ffff:${[...head, ...tail].slice(0, 4).join('.')}]`),
      fc.constant(`[64:ff9b::${[...head, ...tail].slice(0, 4).join('.')}]`),
      fc.constant(String([...head, ...tail].slice(0, 4).reduce((sum, part) => sum * 256 + part, 0))),
    ),
  );
const mediaUrl = fc.oneof(
  privateHost.map((host) => `http://${host}:1/`),
  fc.webUrl({ withQueryParameters: true, withFragments: true }),
  fc
    .tuple(fc.constantFrom('http://', 'https:', 'HTTP:\\\\', 'http:/', ''), anyText)
    .map((parts) => parts.join('')),
);

const urls = fc.asyncProperty(mediaUrl, async (url) => {
  const error = await fetcher
    .fetch(url, { maxBytes: 1, accept: '*/*' }, readWhole)
    .catch((thrown: unknown) => thrown);
  expect(error).to.be.instanceOf(GatewayError);
  expect((error as GatewayError).code).to.equal('MEDIA_URL_BLOCKED');
});

// ── Headers, bodies, ids ─────────────────────────────────────────────────────────────────────────────
const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length });

const traces = fc.property(
  fc.oneof(
    anyText,
    fc.tuple(hex(2), hex(32), hex(16), hex(2)).map((parts) => parts.join('-')),
  ),
  (header) => {
    const traceId = traceIdFrom(header);
    expect(traceId).to.match(/^(?!0{32})[0-9a-f]{32}$/);
    if (/^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/.test(header))
      expect(header).to.include(traceId);
  },
);

const keys = fc.property(anyText, (key) => {
  const { success } = keyHeader.safeParse({ 'Idempotency-Key': key });
  expect(success).to.equal(
    key.length >= 1 && key.length <= 255 && [...key].every((c) => c >= ' ' && c <= '~'),
  );
});

/** The same value with the fields of its objects in reverse order. */
function turned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turned);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, inner]) => [key, turned(inner)]),
  );
}

const bodies = fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
  const plain = JSON.parse(JSON.stringify(value).replaceAll('__proto__', 'proto')) as unknown;
  expect(canonicalJson(turned(plain))).to.equal(canonicalJson(plain));
  expect(JSON.parse(canonicalJson(plain))).to.deep.equal(plain);
});

const limits = fc.property(
  fc.oneof(
    fc.json({ noUnicodeString: false, maxDepth: 25 }),
    anyText.map((text) => JSON.stringify({ [text]: [text] })),
  ),
  (json) => {
    const value = JSON.parse(json) as unknown;
    const fault = jsonFault(value);
    if (fault) expect(fault.path.length).to.be.below(2_200);
    else {
      // An accepted text can be stored and sent: it survives a round trip through UTF-8.
      const text = canonicalJson(value);
      expect(text).not.to.match(/\\u0000|\\ud[89a-f]/i);
      expect(Buffer.from(text).toString('utf8')).to.equal(text);
    }
  },
);

const folders = fc.property(
  fc.oneof(anyText, fc.string({ unit: fc.constantFrom('.', '/', '\\', 'a', '\0') })),
  (id) => {
    const code = codeOf(() =>
      expect(dirname(new Profile('/srv/auth', agentRef(id)).dir)).to.equal(resolve('/srv/auth')),
    );
    if (code !== undefined) expect(code).to.equal('INVALID_PAYLOAD');
    if (agentId.safeParse(id).success) expect(code).to.equal(undefined);
  },
);

const addresses = fc.property(fc.oneof(anyText, fc.ipV4(), fc.ipV6()), (text) => {
  expect(sourceOf(text)).to.match(/^(unknown|[0-9a-f.:]{1,39})$/);
});

// ── Configuration and log ────────────────────────────────────────────────────────────────────────────
const names = Object.keys(readConfig({}));

const configs = fc.property(fc.dictionary(fc.constantFrom(...names), anyText, { maxKeys: 8 }), (env) => {
  try {
    readConfig(env);
  } catch (error) {
    expect(error).to.be.instanceOf(ConfigError);
    const { message } = error as ConfigError;
    for (const value of Object.values(env)) if (value.length > 30) expect(message).not.to.include(value);
  }
});

const token = fc.string({ unit: fc.constantFrom(...'abcXYZ0189._~+/-'), minLength: 12, maxLength: 60 });

const lines: string[] = [];
const log = createLogger('trace', { write: (line: string) => void lines.push(line) });

const logs = fc.property(anyText, token, (text, secret) => {
  lines.length = 0;
  log.info(
    { event: 'service.notice', note: `Bearer ${secret}`, nested: { apiKey: secret, [text]: text } },
    text,
  );
  log.warn({
    event: 'service.notice',
    err: new Error(`${text} postgres://user:${encodeURIComponent(secret)}@host/db`),
  });
  for (const line of lines) {
    expect(line.indexOf('\n')).to.equal(line.length - 1);
    expect(JSON.parse(line)).to.be.an('object');
    expect(line).not.to.include(`"${secret}"`);
    expect(line).not.to.include(`Bearer ${secret}`);
    expect(line).not.to.include(`${encodeURIComponent(secret)}@`);
  }
});

const PROPERTIES: [string, fc.IProperty<never> | fc.IAsyncProperty<never>][] = (
  [
    ['any text is an address of the one form, which is its own, or refused', jids],
    ['a number is the same however it is spelled', spellings],
    ['any text is base64 within the limit, or refused', base64],
    ['bytes survive base64 and a data URL', roundTrips],
    ['any bytes are an image of at most 50 megapixels, or refused', images],
    ['no URL reaches anything while all names lead here', urls],
    ['any traceparent gives a trace id, a valid one its own', traces],
    ['an idempotency key is 1 to 255 printable characters', keys],
    ['equal bodies have equal texts, whatever the order of their fields', bodies],
    ['a body that is taken is well-formed', limits],
    ['any agentId is a folder directly below the root, or refused', folders],
    ['any address counts for something short', addresses],
    ['any environment is a configuration, or faults that repeat no value', configs],
    ['any log line is one line of JSON without the secret', logs],
  ] as const
).map(([title, property]) => [title, property as never]);

describe('properties', () => {
  after(() => rmSync(imageFolder, { recursive: true }));

  for (const [title, property] of PROPERTIES) {
    it(title, async function () {
      if (FUZZ_SECONDS === 0) return fc.assert(property as fc.IAsyncProperty<never>, { numRuns: 200 });
      this.timeout(0);
      const share = (FUZZ_SECONDS * 1_000) / PROPERTIES.length;
      const details = await fc.check(property as fc.IAsyncProperty<never>, {
        numRuns: Number.MAX_SAFE_INTEGER,
        interruptAfterTimeLimit: share,
      });
      console.log(`      ${details.numRuns} runs`);
      // It ends by interruption; only a counterexample is a failure.
      if (details.counterexample) throw new Error(fc.defaultReportMessage(details as never));
    });
  }
});
