import { readFile } from 'node:fs/promises';
import { expect } from 'chai';

/** Reads a file of the project. */
const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');

const [english, indonesian] = await Promise.all([read('README.md'), read('README.id.md')]);

const FENCED = /^```[\s\S]*?^```$/gm;

/** What has to be the same below a heading, whatever the language. */
interface Section {
  /** `##`, `###`, … */
  level: string;
  /** What is set in code, and what is linked to besides headings and the other language; in any order. */
  codes: string[];
  targets: string[];
  tableRows: number;
}

/** All matches of a pattern's only group, sorted. */
const found = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match[1]!).sort();

/** A page without its code blocks, by heading; `text` begins with the heading's title. */
function sectionsOf(page: string): Section[] {
  const parts = page
    .replace(FENCED, '')
    .split(/^(#{1,4}) /m)
    .slice(1);
  const sections: Section[] = [];
  for (let index = 0; index < parts.length; index += 2) {
    const text = parts[index + 1]!;
    sections.push({
      level: parts[index]!,
      codes: found(text, /`([^`\n]+)`/g),
      targets: found(text, /(?:\]\(|<)((?!#|README)[^)>\s]+)[)>]/g),
      tableRows: text.split('\n').filter((line) => line.startsWith('|')).length,
    });
  }
  return sections;
}

describe('the README in Indonesian', () => {
  it('has the code blocks of the English one, in their order', () => {
    const blocks = english.match(FENCED)!;
    expect(blocks).to.have.length.above(20);
    expect(indonesian.match(FENCED)).to.deep.equal(blocks);
  });

  it('has the same headings: as many, of the same levels', () => {
    const levels = (page: string) => sectionsOf(page).map(({ level }) => level);
    expect(levels(indonesian)).to.deep.equal(levels(english));
  });

  const titles = [...english.replace(FENCED, '').matchAll(/^#{1,4} (.*)$/gm)].map((match) => match[1]!);
  for (const [index, title] of titles.entries()) {
    it(`says the same below “${title}”: the same names, values, tables and links`, () => {
      expect(sectionsOf(indonesian)[index]).to.deep.equal(sectionsOf(english)[index]);
    });
  }
});
