import { expect } from 'chai';
import { cleanFilename } from '../../../src/infra/files/filename.ts';

describe('the name of a file', () => {
  it('is the last part of a path, of either kind', () => {
    for (const path of ['/etc/passwd', '../../passwd', 'C:\\secret\\passwd', 'a/b\\passwd', 'passwd'])
      expect(cleanFilename(path)).to.equal('passwd');
  });

  it('has no control characters, no halves of pairs, and reads in one direction', () => {
    expect(cleanFilename('a\r\nSet-Cookie: x=1\0\u007f.pdf')).to.equal('aSet-Cookie: x=1.pdf');
    expect(cleanFilename('a\ud800.pdf')).to.equal('a.pdf');
    expect(cleanFilename('\u202egpj.exe')).to.equal('gpj.exe');
    expect(cleanFilename('فاتورة 👩‍👧 価格.pdf')).to.equal('فاتورة 👩‍👧 価格.pdf');
  });

  it('keeps the end of a long one, with its extension', () => {
    expect(cleanFilename(`${'x'.repeat(400)}.pdf`))
      .to.have.length(255)
      .and.match(/^x+\.pdf$/);
  });

  it('is missing when nothing is left of it', () => {
    for (const name of [undefined, '', ' ', '.', '..', 'a/', '\r\n', '\u202e'])
      expect(cleanFilename(name)).to.equal(undefined);
  });
});
