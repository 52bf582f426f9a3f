import { expect } from 'chai';
import { comparedOf, isChange, KINDS, type MediaFile } from '../../../src/actors/domain/message-content.ts';

const MB = 1024 * 1024;

/** A file with these bytes, by their hash. */
const file = (sha256: string, path = '/spool/a'): MediaFile => ({
  ...{ path, mimetype: 'image/png', size: 1, sha256 },
});

describe('the kinds of messages', () => {
  it('have limits and formats where they have a file', () => {
    const limits = Object.entries(KINDS).flatMap(([kind, { maxBytes, formats }]) => {
      expect(formats === undefined, kind).to.equal(maxBytes === undefined);
      return maxBytes === undefined ? [] : [[kind, maxBytes / MB]];
    });
    expect(Object.fromEntries(limits)).to.deep.equal({
      ...{ image: 10, video: 16, audio: 16, document: 64, sticker: 1 },
    });
  });

  it('add a message, but for reactions, edits and revocations', () => {
    const changes = Object.keys(KINDS).filter((kind) => KINDS[kind as keyof typeof KINDS].changesMessage);
    expect(changes).to.deep.equal(['reaction', 'edit', 'revoke']);
    expect(isChange({ kind: 'revoke', messageId: 'a' })).to.equal(true);
    expect(isChange({ kind: 'text', text: 'a' })).to.equal(false);
  });

  it('compare files by their bytes and caption, wherever they are stored', () => {
    const sent = comparedOf({ kind: 'image', file: file('aa'), caption: 'a' });
    const same = comparedOf({ kind: 'image', file: file('aa', '/spool/b'), caption: 'a' });
    expect(sent).to.deep.equal(same);
    for (const other of [
      { kind: 'image', file: file('bb'), caption: 'a' },
      { kind: 'image', file: file('aa') },
      { kind: 'document', file: file('aa'), caption: 'a' },
    ] as const)
      expect(comparedOf(other)).to.not.deep.equal(sent);
  });

  it('compare a location by its coordinates and the label that it is shown with', () => {
    const place = { kind: 'location', latitude: 1, longitude: 2 } as const;
    const label = (content: object) => comparedOf({ ...place, ...content }).label;
    expect(label({ name: 'Monas', address: 'Gambir' })).to.equal('Monas\nGambir');
    expect(label({ address: 'Gambir' })).to.equal('Gambir');
    expect(label({})).to.equal('');
  });
});
