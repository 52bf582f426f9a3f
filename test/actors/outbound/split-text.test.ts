import { expect } from 'chai';
import fc from 'fast-check';
import { splitText } from '../../../src/actors/outbound/split-text.ts';

describe('a text that is longer than a message', () => {
  for (const [what, text, pieces] of [
    ['is left as it is while it fits', 'one\n\ntwo', ['one\n\ntwo']],
    ['is cut at the last blank line that fits', 'a\n\nb\nc\n\nddddd', ['a\n\nb\nc', 'ddddd']],
    ['is cut at a blank line with blanks in it', 'aaaa\n \t\nbbbbbb', ['aaaa', 'bbbbbb']],
    ['is cut at the last line where there is no blank one', 'aa\nbb\ncc\ndd', ['aa\nbb\ncc', 'dd']],
    ['is cut anywhere where there is no line', 'abcdefghijkl', ['abcdefghij', 'kl']],
    ['is never cut within a character', `${'x'.repeat(9)}😀y`, ['x'.repeat(9), '😀y']],
    ['has no piece of blanks alone', `aaaa${'\n'.repeat(30)}bbbb`, ['aaaa', 'bbbb']],
    ['keeps the indentation of lines', 'aaaa:\n  bbbb\n  cc', ['aaaa:', '  bbbb', '  cc']],
    ['has no piece that begins with a blank line', `\n\n${'a'.repeat(12)}`, ['aaaaaaaaaa', 'aa']],
  ] as const)
    it(what, () => expect(splitText(text, 10)).to.deep.equal(pieces));

  it('loses nothing but blanks, whatever it is', () => {
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
