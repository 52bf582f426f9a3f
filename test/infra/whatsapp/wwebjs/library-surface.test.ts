import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect } from 'chai';
import library from 'whatsapp-web.js';

const require = createRequire(import.meta.url);

/** The first digits of a text's SHA-256. */
const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12);

/** The library's methods that we call, replace or depend on the order of, as they were when this was written. */
const METHODS: Record<string, string> = {
  'Client.initialize': 'ad7ffd7a55d9',
  'Client.inject': 'd94f81d1683f',
  'Client.initWebVersionCache': 'd94e396ced7b',
  'Client.attachEventListeners': '75ca6080d05b',
  'Client.destroy': 'ac492cad44bb',
  'LocalAuth.beforeBrowserInitialized': '7475a11ec8d5',
  'LocalAuth.logout': 'b588f8bc1226',
  'LocalAuth.destroy': 'f3e7ab5b55e7',
  'LocalAuth.onAuthenticationNeeded': 'd40f69d6429d',
  'LocalAuth.getAuthEventPayload': 'f856db1c92da',
  'LocalAuth.afterAuthReady': 'b11c7a602bdd',
};

/** The library's function in the page that prepares an image. */
const PROCESS_MEDIA = 'a2fe2d73fd2e';

describe('what we rely on of whatsapp-web.js', () => {
  const { version } = require('whatsapp-web.js/package.json') as { version: string };

  it('is the release that it was tried with', () => {
    expect(version).to.equal('1.34.7');
  });

  it('is as it was: a method that has changed wants a look at library.ts and client.ts', () => {
    const found = Object.fromEntries(
      Object.keys(METHODS).map((name) => {
        const [owner, method] = name.split('.') as ['Client' | 'LocalAuth', string];
        const { prototype } = library[owner] as unknown as { prototype: Record<string, () => unknown> };
        return [name, digest(String(prototype[method]))];
      }),
    );
    expect(found).to.deep.equal(METHODS);
  });

  it('prepares images as it did', () => {
    const text = readFileSync(require.resolve('whatsapp-web.js/src/util/Injected/Utils.js'), 'utf8');
    const start = text.indexOf('window.WWebJS.processMediaData =');
    const end = text.indexOf('\n    window.WWebJS.', start);
    expect(digest(text.slice(start, end))).to.equal(PROCESS_MEDIA);
  });

  it('says authenticated before it looks at a message, which is when the repairs are made', () => {
    const { inject } = (library.Client as unknown as { prototype: { inject(): void } }).prototype;
    const text = String(inject);
    expect(text.indexOf('Events.AUTHENTICATED')).to.be.within(0, text.indexOf('LoadUtils'));
  });
});
