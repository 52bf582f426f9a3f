import { parseEnv } from 'node:util';
import { expect } from 'chai';
import { ConfigError, readConfig } from '../../src/infra/config.ts';
import { read, tableOf } from './pages.ts';

const [page, example, source] = await Promise.all([
  read('docs/configuration.md'),
  read('.env.example'),
  read('src/infra/config.ts'),
]);
/** Name, default and meaning of each documented variable. */
const documented = tableOf(page, 'name');

/** The variables that the service reads; `NODE_ENV` is Node's own. */
const variables = [...source.matchAll(/^ {4}([A-Z_]+):/gm)]
  .map(([, name]) => name!)
  .filter((name) => name !== 'NODE_ENV');

describe('an invalid configuration', () => {
  it('is reported with one line per variable', () => {
    const env = {
      PORT: 'banana',
      MAX_SESSIONS: '-1',
      DB_URL: 'mysql://db',
      DEFAULT_COUNTRY: 'id',
      WHATSAPP_DRIVER: 'x',
      SEND_BURST: '1.5',
      MEDIA_ALLOWED_ORIGINS: 'ftp://files',
      AI_INBOUND_TYPES: 'text, gif',
      AI_MEDIA: 'link',
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
        'AI_INBOUND_TYPES.1: must be one of text, image, audio, video, document, sticker, location, contacts',
        'AI_MEDIA: must be url or base64',
        'MEDIA_ALLOWED_ORIGINS.0: must be an http or https origin, such as http://127.0.0.1:9000',
      ]);
  });
});

describe('the documented configuration', () => {
  const defaults = readConfig({}) as Record<string, unknown>;

  it('has each variable once, and no other', () => {
    expect(documented.map(([name]) => name)).to.have.members(variables);
  });

  it('has the defaults of the code', () => {
    for (const [name, value] of documented) {
      const fallback = defaults[name!];
      const isNone = fallback === undefined || (Array.isArray(fallback) && fallback.length === 0);
      const printed = value!.replace('$PORT', String(defaults.PORT));
      expect(printed, name).to.equal(isNone ? 'none' : String(fallback));
    }
  });

  it('is in .env.example: each variable once, with the defaults of the code', () => {
    const names = [...example.matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name);
    expect(names).to.have.members(variables);
    expect(readConfig(parseEnv(example) as NodeJS.ProcessEnv)).to.deep.equal(defaults);
  });

  it('is in .env.example with the default values, where there are any', () => {
    const values = parseEnv(example);
    for (const [name, value] of documented) {
      const expected = value === 'none' || value!.includes('$') ? '' : value;
      expect(values[name!], name).to.equal(expected);
    }
  });
});
