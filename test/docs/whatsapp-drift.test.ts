import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { EDITIONS } from '../support/stand-in/editions.ts';

/** Reads a file of the project. */
const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');

const page = await read('docs/whatsapp-drift.md');

/** The rows of the tables below a heading, as cells. */
function rowsBelow(heading: string): string[][] {
  const [, section = ''] = page.split(`\n## ${heading}\n`);
  const lines = section.split('\n## ')[0]!.split('\n');
  return lines
    .filter((line) => line.startsWith('| ') && !line.startsWith('|---'))
    .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '')));
}

/** The starts of the titles in italics in a cell. */
const titlesIn = (cell: string) =>
  [...cell.matchAll(/\*([^*]+)\*/g)].map(([, title]) => title!.replaceAll('…', '').trim());

describe('docs/whatsapp-drift.md', () => {
  it('has a row for each repair, with a test of that title', async () => {
    const code = await read('src/infra/whatsapp/wwebjs/page/repairs.js');
    const [, list = ''] = /^const repairs = \{([^}]*)\}/m.exec(code) ?? [];
    const names = [...list.matchAll(/'([\w-]+)'/g)].map(([, name]) => name!);
    expect(names).to.not.deep.equal([]);
    const rows = rowsBelow('Repairs')
      .filter((cells) => cells.length === 5)
      .slice(1);
    expect(rows.map(([name]) => name)).to.deep.equal(names.map((name) => `\`${name}\``));
    const tests = await read('test/infra/whatsapp/wwebjs/page-layer.test.ts');
    for (const title of rows.flatMap((cells) => titlesIn(cells[4]!))) expect(tests).to.include(title);
  });

  it('has a row for each switch of the stand-in page, and each row names an existing test', async () => {
    const rows = rowsBelow('Changes, and what each does to a session').slice(1);
    const text = rows.map(([name]) => name).join('\n');
    for (const name of Object.keys(EDITIONS['2026-10']))
      if (name !== 'webVersion') expect(text).to.include(`\`${name}\``);
    const tests = await read('test/browser/switches.test.ts');
    for (const cells of rows) {
      expect(cells, cells[0]).to.have.length(6);
      for (const title of titlesIn(cells[5]!)) expect(tests).to.include(title);
    }
  });

  it('lists the files of the page layer', async () => {
    const code = await read('src/infra/whatsapp/wwebjs/page/script.ts');
    const [, list = ''] = /const MODULES = \[([^\]]*)\]/.exec(code) ?? [];
    const files = [...list.matchAll(/'([\w-]+)'/g)].map(([, name]) => `${name}.js`);
    expect(files.length).to.be.above(5);
    for (const file of files) expect(page).to.include(`\`${file}\``);
  });
});
