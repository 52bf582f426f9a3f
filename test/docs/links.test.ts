import { readdir, stat } from 'node:fs/promises';
import { posix } from 'node:path';
import { expect } from 'chai';
import { read, withoutCode } from './pages.ts';

/** All pages of a folder of the project. */
async function pagesIn(folder: string): Promise<string[]> {
  const files = await readdir(new URL(`../../${folder}/`, import.meta.url));
  return files.filter((name) => name.endsWith('.md')).map((name) => posix.join(folder, name));
}

/** The anchors of a page's headings, as on GitHub; a repeated one gets a number. */
function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading] of withoutCode(page).matchAll(/^#+ (.*)$/gm)) {
    const text = heading!.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const anchor = text.replace(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-');
    let name = anchor;
    for (let index = 1; anchors.has(name); index += 1) name = `${anchor}-${index}`;
    anchors.add(name);
  }
  return anchors;
}

/** The targets of a page's links and pictures, without those on the web. */
const localLinks = (page: string) =>
  [...withoutCode(page).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target!)
    .filter((target) => !/^[a-z]+:/.test(target));

/** Why a link of a page is broken; null when it isn't. */
async function faultOf(page: string, link: string): Promise<string | null> {
  const [file, anchor] = link.split('#');
  const path = file ? posix.join(posix.dirname(page), file) : page;
  const exists = await stat(new URL(`../../${path}`, import.meta.url)).catch(() => null);
  if (!exists) return `${link}: no such file`;
  if (anchor === undefined || anchorsOf(await read(path)).has(anchor)) return null;
  return `${link}: no such heading`;
}

const folders = await Promise.all(['.', 'docs', 'docs/id', 'bench'].map(pagesIn));
const pages = folders.flat();

describe('links between the pages', () => {
  it('are found', async () => {
    expect(pages).to.include.members(['README.md', 'docs/runbook.md', 'docs/id/api-tour.md']);
    expect(localLinks(await read('README.md'))).to.have.length.above(20);
    expect(await faultOf('README.md', 'docs/missing.md')).to.equal('docs/missing.md: no such file');
    expect(await faultOf('README.md', 'docs/errors.md#missing')).to.match(/no such heading/);
  });

  for (const page of pages) {
    it(`lead to files and headings that exist, from ${page}`, async () => {
      const faults = await Promise.all(localLinks(await read(page)).map((link) => faultOf(page, link)));
      expect(faults.filter(Boolean)).to.deep.equal([]);
    });
  }
});

describe('the README', () => {
  it('links to every page of docs/', async () => {
    for (const [readme, folder] of [
      ['README.md', 'docs'],
      ['README.id.md', 'docs/id'],
    ] as const) {
      expect(localLinks(await read(readme))).to.include.members(await pagesIn(folder));
    }
  });

  it('has at most 220 lines in either language', async () => {
    for (const path of ['README.md', 'README.id.md']) {
      expect((await read(path)).split('\n').length, path).to.be.at.most(221);
    }
  });
});
