import { expect } from 'chai';
import fc from 'fast-check';
import { splitText } from '../../../src/actors/outbound/split-text.ts';

describe('splitting a text', () => {
  for (const [what, text, pieces] of [
    ['keeps a text that fits', 'one\n\ntwo', ['one\n\ntwo']],
    ['cuts at the last blank line that fits', 'a\n\nb\nc\n\nddddd', ['a\n\nb\nc', 'ddddd']],
    ['cuts at a blank line that contains blanks', 'aaaa\n \t\nbbbbbb', ['aaaa', 'bbbbbb']],
    ['cuts at the last line break when no line is blank', 'aa\nbb\ncc\ndd', ['aa\nbb\ncc', 'dd']],
    ['cuts anywhere when there is no line break', 'abcdefghijkl', ['abcdefghij', 'kl']],
    ['never cuts within a character', `${'x'.repeat(9)}😀y`, ['x'.repeat(9), '😀y']],
    ['returns no piece of blanks alone', `aaaa${'\n'.repeat(30)}bbbb`, ['aaaa', 'bbbb']],
    ['keeps the indentation of lines', 'aaaa:\n  bbbb\n  cc', ['aaaa:', '  bbbb', '  cc']],
    ['returns no piece that starts with a blank line', `\n\n${'a'.repeat(12)}`, ['aaaaaaaaaa', 'aa']],
  ] as const)
    it(what, () => expect(splitText(text, 10)).to.deep.equal(pieces));

  it('loses nothing but blanks, for any text', () => {
    const unit = fc.constantFrom('a', 'b', ' ', '\n', '\n\n', '😀');
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 200 }), fc.integer({ min: 2, max: 20 }), (text, limit) => {
        const pieces = splitText(text, limit);
        expect(pieces.join('').replace(/\s/g, '')).to.equal(text.replace(/\s/g, ''));
        for (const piece of pieces) {
          expect(piece.length).to.be.at.most(limit);
          expect(piece).not.to.match(/\p{Surrogate}/u);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
