import { readdir } from 'node:fs/promises';
import { posix } from 'node:path';
import { expect } from 'chai';
import { inIndonesian, read, TRANSLATED, withoutCode } from './pages.ts';

const ENGLISH = new Map(TRANSLATED.map((path) => [inIndonesian(path), path]));
const texts = new Map(
  await Promise.all([...ENGLISH].flat().map(async (path) => [path, await read(path)] as const)),
);

/** What has to be the same below a heading in both languages. */
interface Section {
  /** `##`, `###`, … */
  level: string;
  /** What is set in code, and the files and addresses that are linked to, in any order. */
  codes: string[];
  targets: string[];
  tableRows: number;
}

/** All matches of a pattern's only group. */
const found = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match[1]!);

/** The target of a link, by its English name; null within the page and its translation. */
function targetOf(link: string, page: string): string | null {
  if (link.includes('://')) return link;
  const [file] = link.split('#');
  const path = file ? posix.join(posix.dirname(page), file) : page;
  const english = ENGLISH.get(path) ?? path;
  return english === (ENGLISH.get(page) ?? page) ? null : english;
}

/** The sections of a page without code blocks; the first one starts with the title. */
function sectionsOf(path: string, page: string): Section[] {
  const parts = withoutCode(page)
    .split(/^(#{1,4}) /m)
    .slice(1);
  const sections: Section[] = [];
  for (let index = 0; index < parts.length; index += 2) {
    const text = parts[index + 1]!;
    const links = found(text, /(?:\]\(|<(?=https?:))([^)>\s]+)[)>]/g);
    sections.push({
      level: parts[index]!,
      codes: found(text, /`([^`\n]+)`/g).sort(),
      targets: links.flatMap((link) => targetOf(link, path) ?? []).sort(),
      tableRows: text.split('\n').filter((line) => line.startsWith('|')).length,
    });
  }
  return sections;
}

describe('the pages in Indonesian', () => {
  it('are all compared', async () => {
    const files = await readdir(new URL('../../docs/id/', import.meta.url));
    const pages = files.map((name) => `docs/id/${name}`);
    expect(['README.id.md', ...pages]).to.have.members([...ENGLISH.keys()]);
  });

  for (const [translation, path] of ENGLISH) {
    describe(translation, () => {
      const [english, indonesian] = [texts.get(path)!, texts.get(translation)!];

      it('has the code blocks of the English page in the same order', () => {
        const blocks = (page: string) => page.match(/^```[\s\S]*?^```$/gm) ?? [];
        expect(blocks(indonesian)).to.deep.equal(blocks(english));
      });

      it('has the same names, values, tables and links below each heading', () => {
        expect(sectionsOf(translation, indonesian)).to.deep.equal(sectionsOf(path, english));
      });

      it('links to the English page and is linked from it', () => {
        const between = (from: string, to: string) => `](${posix.relative(posix.dirname(from), to)})`;
        expect(indonesian).to.include(between(translation, path));
        expect(english).to.include(between(path, translation));
      });
    });
  }
});
