import { expect } from 'chai';
import fc from 'fast-check';
import { GatewayError } from '../../../src/actors/domain/errors.ts';
import { parseJid } from '../../../src/infra/whatsapp/phone-number.ts';

describe('parseJid', () => {
  const accepted: [string, string][] = [
    ['081234567890', '6281234567890@c.us'],
    ['0812-3456-7890', '6281234567890@c.us'],
    ['(0812) 3456.7890', '6281234567890@c.us'],
    ['[0812] 3456 7890', '6281234567890@c.us'],
    ['+6281234567890', '6281234567890@c.us'],
    ['+62 812-3456-7890', '6281234567890@c.us'],
    ['+62 (0) 812 3456 7890', '6281234567890@c.us'],
    ['  6281234567890 ', '6281234567890@c.us'],
    ['62\u00a0812\u20113456\u20117890', '6281234567890@c.us'],
    ['62895619356936', '62895619356936@c.us'],
    ['6281234567890@c.us', '6281234567890@c.us'],
    ['6281234567890@C.US', '6281234567890@c.us'],
    ['081234567890@c.us', '6281234567890@c.us'],
    ['+6281234567890@c.us', '6281234567890@c.us'],
    ['6281234567890@s.whatsapp.net', '6281234567890@c.us'],
    ['5215512345678@c.us', '5215512345678@c.us'],
    ['120363025246125486@g.us', '120363025246125486@g.us'],
    ['6281234567890-1512345678@g.us', '6281234567890-1512345678@g.us'],
    ['123456789012345@lid', '123456789012345@lid'],
    ['+447911123456', '447911123456@c.us'],
    ['+1 (202) 555-0123', '12025550123@c.us'],
    ['+55 11 91234-5678', '5511912345678@c.us'],
    ['+39 06 1234 5678', '390612345678@c.us'],
    ['+15550000001', '15550000001@c.us'],
    ['+15550000010', '15550000010@c.us'],
    ['15550000002', '15550000002@c.us'],
    ['15550000002@c.us', '15550000002@c.us'],
    ['62812345678', '62812345678@c.us'],
    ['447911123456', '447911123456@c.us'],
    ['+81234567890', '81234567890@c.us'],
    ['81234567890@c.us', '81234567890@c.us'],
    ['5215512345678', '5215512345678@c.us'],
    ['+52 1 55 1234 5678', '5215512345678@c.us'],
    ['+52 55 1234 5678', '525512345678@c.us'],
    ['551191234567', '551191234567@c.us'],
    ['+55 11 9123-4567', '551191234567@c.us'],
    ['5491112345678', '5491112345678@c.us'],
    ['+54 9 11 1234-5678', '5491112345678@c.us'],
    ['+54 11 15 1234-5678', '5491112345678@c.us'],
    ['\u202a+62 812\u20113456\u20117890\u202c', '6281234567890@c.us'],
    ['\u2068081234567890\u2069', '6281234567890@c.us'],
    ['\u200e6281234567890@c.us', '6281234567890@c.us'],
    ['\ufeff6281234567890\u200b', '6281234567890@c.us'],
    ['6281234567890:12@s.whatsapp.net', '6281234567890@c.us'],
    ['6281234567890.0:3@s.whatsapp.net', '6281234567890@c.us'],
    ['6281234567890_1:3@c.us', '6281234567890@c.us'],
    ['123456789012345:7@lid', '123456789012345@lid'],
  ];
  for (const [text, jid] of accepted)
    it(`reads ${JSON.stringify(text)} as ${jid}`, () => {
      expect(parseJid(text, 'ID')).to.equal(jid);
    });

  it('reads national numbers as those of the default country', () => {
    expect(parseJid('07911 123456', 'GB')).to.equal('447911123456@c.us');
  });

  const ambiguous: [digits: string, country: string, ways: string[]][] = [
    ['81234567890', 'ID', ['+62…', '+81…']],
    ['812-3456-7890', 'ID', ['+62…', '+81…']],
    ['8123456789', 'ID', ['+62…', '+81…']],
    ['85291234567', 'ID', ['+62…', '+852…']],
    ['6591234567', 'ID', ['+62…', '+65…']],
    ['2025550123', 'US', ['+1…', '+20…']],
    ['9123456789', 'RU', ['+7…', '+91…']],
  ];
  for (const [text, country, ways] of ambiguous)
    it(`refuses ${text}, ambiguous in ${country}, and names both spellings`, () => {
      expect(() => parseJid(text, country))
        .to.throw(GatewayError)
        .that.satisfies(
          ({ code, message }: GatewayError) =>
            code === 'INVALID_PAYLOAD' &&
            ways.every((way) => message.includes(way)) &&
            !/\d{5}/.test(message),
        );
    });

  it('reads digits that start with the code of the default country as international', () => {
    expect(parseJid('525512345678', 'MX')).to.equal('525512345678@c.us');
    expect(parseJid('5215512345678', 'MX')).to.equal('5215512345678@c.us');
    expect(parseJid('5511912345678', 'BR')).to.equal('5511912345678@c.us');
    expect(parseJid('551191234567', 'BR')).to.equal('551191234567@c.us');
    expect(parseJid('5491112345678', 'AR')).to.equal('5491112345678@c.us');
    expect(parseJid('491701234567', 'DE')).to.equal('491701234567@c.us');
    expect(parseJid('12025550123', 'US')).to.equal('12025550123@c.us');
  });

  const refused = [
    '',
    ' ',
    '+',
    '0',
    '08',
    '123',
    '+6281',
    '+999123456789',
    '+628123456789012345',
    '00628123456789',
    '++6281234567890',
    '62+81234567890',
    '0812abc67890',
    'hello',
    '@c.us',
    'abc@c.us',
    '12@c.us',
    '1234567890123456@c.us',
    '6281234567890@c.us@c.us',
    '6281234567890@g.us.example',
    '6281234567890:@s.whatsapp.net',
    '6281234567890:1:2@s.whatsapp.net',
    '@g.us',
    'group@g.us',
    '12036-@g.us',
    '@lid',
    '1@lid',
    'status@broadcast',
    '120363025246125486@newsletter',
    '٠٨١٢٣٤٥٦٧٨٩٠',
    '6281234567890\u0000',
    '6281234567890\n6281234567891',
    '6281234567890\n',
    '\r\n6281234567890@c.us',
    '6281234567890\n@c.us',
    '6281234567890@c.us\r\n',
    '120363025246125486\n@g.us',
    '123456789012345@lid\n',
    '0812\t3456\t7890',
    '1-'.repeat(50_000),
    `${'6281234567890'.padEnd(65, ' ')}`,
  ];
  for (const text of refused)
    it(`refuses ${JSON.stringify(text.slice(0, 40))} without repeating it`, () => {
      expect(() => parseJid(text, 'ID'))
        .to.throw(GatewayError)
        .that.satisfies(
          (error: GatewayError) =>
            error.code === 'INVALID_PAYLOAD' && !/\d{5}/.test(error.message) && error.details === undefined,
        );
    });

  /** Texts similar to addresses, and other texts. */
  const texts = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 80 }),
    fc.string({ unit: fc.constantFrom(...'0123456789+-. ()@'), maxLength: 30 }),
    fc
      .tuple(
        fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 5, maxLength: 20 }),
        fc.constantFrom('', '@c.us', '@g.us', '@lid', '@s.whatsapp.net', '@broadcast'),
      )
      .map((parts) => parts.join('')),
  );

  it('returns an address of one of three forms, or throws INVALID_PAYLOAD', () => {
    fc.assert(
      fc.property(texts, fc.constantFrom('ID', 'US', 'GB', 'IT', 'XX'), (text, country) => {
        try {
          expect(parseJid(text, country)).to.match(/^\d{7,15}@c\.us$|^[\d-]+@g\.us$|^\d+@lid$/);
        } catch (error) {
          if (!(error instanceof GatewayError)) throw error;
          expect(error.code).to.equal('INVALID_PAYLOAD');
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('is idempotent', () => {
    fc.assert(
      fc.property(texts, (text) => {
        let jid: string;
        try {
          jid = parseJid(text, 'ID');
        } catch {
          return;
        }
        expect(parseJid(jid, 'US')).to.equal(jid);
      }),
      { numRuns: 2_000 },
    );
  });

  it('returns one address for all spellings of an Indonesian number', () => {
    fc.assert(
      fc.property(fc.integer({ min: 10_000_000, max: 9_999_999_999 }), (rest) => {
        const forms = [`08${rest}`, `+628${rest}`, `628${rest}`, `628${rest}@c.us`, `+62 8-${rest}`];
        expect(new Set(forms.map((form) => parseJid(form, 'ID')))).to.deep.equal(
          new Set([`628${rest}@c.us`]),
        );
      }),
    );
  });
});
