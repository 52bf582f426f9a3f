import { readFile } from 'node:fs/promises';
import { parseEnv } from 'node:util';
import { expect } from 'chai';
import { STATUS } from '../../src/http/middleware/error-handler.ts';
import { ConfigError, readConfig } from '../../src/infra/config.ts';

/** Reads a file of the project. */
const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');

const [readme, example, source] = await Promise.all([
  read('README.md'),
  read('.env.example'),
  read('src/infra/config.ts'),
]);

/** The rows of the table below a heading, as cells without the header. */
function tableBelow(heading: string): string[][] {
  const section = readme.split(`\n## ${heading}\n`)[1]!.split('\n## ')[0]!;
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** A cell without its code quotes. */
const bare = (cell: string) => cell.replaceAll('`', '');

/** The variables that the service reads; `NODE_ENV` is Node's own. */
const variables = [...source.matchAll(/^ {4}([A-Z_]+):/gm)]
  .map(([, name]) => name!)
  .filter((name) => name !== 'NODE_ENV');

describe('a configuration that is not usable', () => {
  it('is told in plain words, one line for each variable', () => {
    const env = {
      PORT: 'banana',
      MAX_SESSIONS: '-1',
      DB_URL: 'mysql://db',
      DEFAULT_COUNTRY: 'id',
      WHATSAPP_DRIVER: 'x',
      SEND_BURST: '1.5',
      MEDIA_ALLOWED_ORIGINS: 'ftp://files',
    };
    expect(() => readConfig(env))
      .to.throw(ConfigError)
      .with.property('faults')
      .that.has.members([
        'PORT: must be a number',
        'MAX_SESSIONS: must be at least 1',
        'DB_URL: must be a URL that begins with postgres://',
        'DEFAULT_COUNTRY: must be two capital letters, such as ID',
        'WHATSAPP_DRIVER: must be wwebjs or sandbox',
        'SEND_BURST: must be a whole number',
        'MEDIA_ALLOWED_ORIGINS.0: must be an http or https origin, such as http://127.0.0.1:9000',
      ]);
  });
});

describe('the documented configuration', () => {
  const defaults = readConfig({}) as Record<string, unknown>;

  it('is in the README: each variable once, and no other', () => {
    expect(tableBelow('Configuration').map(([name]) => bare(name!))).to.have.members(variables);
  });

  it('is in the README with the defaults of the code', () => {
    for (const [name, value] of tableBelow('Configuration')) {
      const fallback = defaults[bare(name!)];
      const isNone = fallback === undefined || (Array.isArray(fallback) && fallback.length === 0);
      const told = value === 'none' ? value : bare(value!).replace('$PORT', String(defaults.PORT));
      expect(told, name).to.equal(isNone ? 'none' : String(fallback));
    }
  });

  it('is in .env.example: each variable once, with the defaults of the code', () => {
    const names = [...example.matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name);
    expect(names).to.have.members(variables);
    expect(readConfig(parseEnv(example) as NodeJS.ProcessEnv)).to.deep.equal(defaults);
  });

  it('is in .env.example as values that say what the defaults are, where there are any', () => {
    const values = parseEnv(example);
    for (const [name, value] of tableBelow('Configuration')) {
      const told = value === 'none' || value!.includes('$') ? '' : bare(value!);
      expect(values[bare(name!)], name).to.equal(told);
    }
  });
});

describe('the documented errors', () => {
  it('are the codes of the service with their statuses', () => {
    const documented = tableBelow('Errors').map(([code, status]) => [
      bare(code!),
      Number.parseInt(status!, 10),
    ]);
    expect(documented).to.have.length(Object.keys(STATUS).length);
    expect(Object.fromEntries(documented)).to.deep.equal(STATUS);
  });
});
