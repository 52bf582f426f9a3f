import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { mediaTypeOf } from '../../../src/infra/files/media-type.ts';
import { jpeg, png } from '../../support/images.ts';

const UNKNOWN = 'application/octet-stream';
const PDF = '%PDF-1.7\n%\u00e2\u00e3\u00cf\u00d3\n';
const SVG = '<svg xmlns="http://www.w3.org/2000/svg"/>';
const COMPOUND = Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.alloc(600)]);

describe('the media type of a file', () => {
  let dir: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'media-type-'));
  });
  after(() => rm(dir, { recursive: true, force: true }));

  /** The type of these bytes under a claim. */
  async function typeOf(bytes: string | Buffer, claimed?: string): Promise<string> {
    const path = join(dir, 'file');
    await writeFile(path, bytes);
    return mediaTypeOf(path, claimed);
  }

  it('is the one of its bytes, whatever is claimed', async () => {
    for (const claimed of [undefined, 'text/plain', 'image/gif', 'no type', 'image/svg+xml']) {
      expect(await typeOf(png(), claimed)).to.equal('image/png');
      expect(await typeOf(jpeg(), claimed)).to.equal('image/jpeg');
      expect(await typeOf(PDF, claimed)).to.equal('application/pdf');
    }
  });

  it('is the claimed one where bytes show none: text, CSV, JSON, HTML, SVG', async () => {
    for (const [bytes, claimed] of [
      ['a,b\n1,2\n', 'text/csv'],
      ['{"a": 1}', 'application/json'],
      ['Halo', 'text/plain'],
      ['<!doctype html><p>', 'text/html'],
      [SVG, 'image/svg+xml'],
      ['x', 'application/vnd.example.order+json'],
    ] as const)
      expect(await typeOf(bytes, claimed)).to.equal(claimed);
  });

  it('is claimed without parameters and in lower case', async () => {
    expect(await typeOf('a,b', ' Text/CSV; charset="utf-8"; header=present')).to.equal('text/csv');
  });

  it('is not a claimed one that its bytes would show', async () => {
    const claims = [
      ...['image/png', 'image/jpg', 'image/x-new', 'audio/ogg', 'video/mp4', 'font/woff2'],
      ...['application/pdf', 'application/zip'],
    ];
    for (const claimed of claims) expect(await typeOf('Halo', claimed), claimed).to.equal(UNKNOWN);
  });

  it('is unknown without a well-formed claim', async () => {
    const claims = [
      ...[undefined, '', 'text', '/', 'text/', 'text/html/x', 'text/html\r\nX: y', 'te xt/html', 'tëxt/html'],
      ...[`text/${'x'.repeat(200)}`, 'application/x-www-form-urlencoded', '*/*'],
    ];
    for (const claimed of claims) expect(await typeOf('Halo', claimed), claimed).to.equal(UNKNOWN);
  });

  it('is the claimed one inside a container: XML, zip, compound file', async () => {
    expect(await typeOf(`<?xml version="1.0"?>${SVG}`, 'image/svg+xml')).to.equal('image/svg+xml');
    expect(await typeOf(`<?xml version="1.0"?>${SVG}`)).to.equal('application/xml');
    expect(await typeOf(COMPOUND, 'application/msword')).to.equal('application/msword');
    expect(await typeOf(COMPOUND, 'image/png')).to.equal('application/x-cfb');
  });

  it('is unknown for an empty file', async () => {
    expect(await typeOf('')).to.equal(UNKNOWN);
  });
});
