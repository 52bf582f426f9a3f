import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type ConfigError, readConfig } from '../../src/infra/config.ts';

/** What becomes of one variable: its value, or the words in which it is refused. */
function read(name: keyof ReturnType<typeof readConfig>, text: string): unknown {
  try {
    return readConfig({ [name]: text })[name];
  } catch (error) {
    return (error as ConfigError).faults;
  }
}

describe('the configuration', () => {
  describe('takes CORS_ORIGINS as browsers write origins', () => {
    for (const [text, origins] of [
      ['https://app.example/', ['https://app.example']],
      ['HTTPS://App.Example:443, http://127.0.0.1:80/', ['https://app.example', 'http://127.0.0.1']],
      ['https://bücher.example', ['https://xn--bcher-kva.example']],
      [
        'capacitor://localhost,Chrome-Extension://abcdef/',
        ['capacitor://localhost', 'chrome-extension://abcdef'],
      ],
      ['*', ['*']],
    ] as const)
      it(text, () => expect(read('CORS_ORIGINS', text)).to.deep.equal(origins));
  });

  describe('refuses as WHATSAPP_WEB_VERSION what is no build, or has no file', () => {
    for (const text of [
      'latest',
      '../2.3000.1',
      '2.3000.1/x',
      '2',
      '2.3000.1-beta',
      '2.3000.1',
      '2.3000.1-alpha',
    ])
      it(text, () =>
        expect(String(read('WHATSAPP_WEB_VERSION', text))).to.match(
          /^WHATSAPP_WEB_VERSION: (must be|is not in)/,
        ),
      );
  });

  it('takes a WHATSAPP_WEB_VERSION whose file is there', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'whatsapp-web-'));
    try {
      await writeFile(join(dir, '2.3000.1-alpha.html'), '');
      const env = { WHATSAPP_WEB_VERSION: '2.3000.1-alpha', WHATSAPP_WEB_DIR: dir };
      expect(readConfig(env)).to.include(env);
    } finally {
      await rm(dir, { recursive: true });
    }
  });

  describe('refuses in CORS_ORIGINS what no browser ever sends', () => {
    for (const text of [
      'app.example',
      'https://app.example/path',
      'https://app.example/?a=b',
      'https://app.example#top',
      'https://user:password@app.example',
      'https://*.app.example',
      'https://app.example:99999',
      'https:app.example',
      'https://',
      'null',
      'nonsense',
      '**',
    ])
      it(text, () =>
        expect(read('CORS_ORIGINS', `https://good.example,${text}`)).to.deep.equal([
          'CORS_ORIGINS.1: must be an origin such as https://app.example, or *',
        ]),
      );
  });

  it('takes MEDIA_ALLOWED_ORIGINS as origins, and no path that would not count', () => {
    const fault = 'MEDIA_ALLOWED_ORIGINS.0: must be an http or https origin, such as http://127.0.0.1:9000';
    expect(read('MEDIA_ALLOWED_ORIGINS', 'http://127.0.0.1:9000/')).to.deep.equal(['http://127.0.0.1:9000']);
    for (const text of ['http://127.0.0.1:9000/public', 'http://u:p@127.0.0.1', '*', 'ftp://files'])
      expect(read('MEDIA_ALLOWED_ORIGINS', text), text).to.deep.equal([fault]);
  });

  for (const name of ['AI_BACKEND_URL', 'APP_BASE_URL'] as const) {
    it(`takes ${name} as a base that paths are appended to`, () => {
      expect(read(name, 'https://Ai.Example:443/v1//')).to.equal('https://ai.example/v1');
      expect(read(name, 'http://[::1]:8000/')).to.equal('http://[::1]:8000');
      const more = `${name}: must be a URL without credentials, query and fragment`;
      for (const end of ['?key=secret', '#part', '/v1?'])
        expect(read(name, `https://ai.example${end}`), end).to.deep.equal(
          end === '/v1?' ? 'https://ai.example/v1' : [more],
        );
      for (const text of ['https://user:secret@ai.example', 'https://secret@ai.example'])
        expect(read(name, text)).to.deep.equal([more]);
      for (const text of ['ai.example', 'ftp://ai.example', 'http://', 'https://ai example'])
        expect(read(name, text), text).to.deep.equal([`${name}: must be an http or https URL`]);
    });
  }

  it('takes STT_URL as it is, without credentials', () => {
    const azure = 'https://speech.example/openai/transcriptions?api-version=2024-10-21';
    for (const url of [azure, 'http://127.0.0.1:9000/v1/audio/transcriptions'])
      expect(read('STT_URL', url)).to.equal(url);
    for (const text of [
      'https://user:secret@speech.example',
      'https://secret@speech.example',
      'https://a/#b',
    ])
      expect(read('STT_URL', text)).to.deep.equal([
        'STT_URL: must be a URL without credentials and fragment',
      ]);
    for (const text of ['speech.example', 'ftp://speech.example', 'https://a b'])
      expect(read('STT_URL', text), text).to.deep.equal(['STT_URL: must be an http or https URL']);
  });

  it('takes STT_MODEL and STT_LANGUAGE as names that a form can carry', () => {
    expect(read('STT_MODEL', 'Systran/faster-whisper-small')).to.equal('Systran/faster-whisper-small');
    expect(read('STT_MODEL', 'a\r\nb')).to.deep.equal(['STT_MODEL: must be a name without blanks']);
    expect(read('STT_LANGUAGE', 'id')).to.equal('id');
    expect(read('STT_LANGUAGE', 'Indonesian')).to.deep.equal([
      'STT_LANGUAGE: must be the code of a language, such as id',
    ]);
    expect(read('STT_API_KEY', 'a key')).to.deep.equal([
      'STT_API_KEY: must be at most 4096 visible ASCII characters, without blanks',
    ]);
  });

  it('refuses a SESSIONS_TOKEN that no Authorization header can carry', () => {
    expect(read('SESSIONS_TOKEN', '~!"#$%&/()=?')).to.equal('~!"#$%&/()=?');
    for (const text of [
      'two words',
      'line\nend',
      'end ',
      'schlüssel',
      'kunci🔑',
      '\u0007',
      'x'.repeat(4_097),
    ])
      expect(read('SESSIONS_TOKEN', text), text).to.deep.equal([
        'SESSIONS_TOKEN: must be at most 4096 visible ASCII characters, without blanks',
      ]);
  });

  it('takes HOST as an address or a name to listen on', () => {
    for (const [text, host] of [
      ['[::1]', '::1'],
      ['0.0.0.0', '0.0.0.0'],
      ['gateway_1.internal', 'gateway_1.internal'],
    ] as const)
      expect(read('HOST', text)).to.equal(host);
    for (const text of ['http://127.0.0.1', '0.0.0.0:3000', '*', ' ', '127.0.0.1/8', '-'])
      expect(read('HOST', text), text).to.deep.equal([
        'HOST: must be an address or a host name, without scheme and port',
      ]);
  });

  it('refuses a DEFAULT_COUNTRY that has no phone numbers', () => {
    expect(read('DEFAULT_COUNTRY', 'GB')).to.equal('GB');
    expect(read('DEFAULT_COUNTRY', 'UK')).to.deep.equal([
      'DEFAULT_COUNTRY: is not a country with phone numbers',
    ]);
  });
});
