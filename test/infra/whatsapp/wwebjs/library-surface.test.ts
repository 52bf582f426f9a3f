import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { expect } from 'chai';
import library from 'whatsapp-web.js';

const require = createRequire(import.meta.url);

/** The first digits of a text's SHA-256. */
const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12);

/** Hashes of the library's methods that we call, replace or whose order we rely on. */
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

describe('what we rely on of whatsapp-web.js', () => {
  const { version } = require('whatsapp-web.js/package.json') as { version: string };

  it('is the tested release', () => {
    expect(version).to.equal('1.34.7');
  });

  it('has unchanged methods; after a change, review library.ts and client.ts', () => {
    const found = Object.fromEntries(
      Object.keys(METHODS).map((name) => {
        const [owner, method] = name.split('.') as ['Client' | 'LocalAuth', string];
        const { prototype } = library[owner] as unknown as { prototype: Record<string, () => unknown> };
        return [name, digest(String(prototype[method]))];
      }),
    );
    expect(found).to.deep.equal(METHODS);
  });

  it('emits authenticated before it reads a message, when the repairs are applied', () => {
    const { inject } = (library.Client as unknown as { prototype: { inject(): void } }).prototype;
    const text = String(inject);
    expect(text.indexOf('Events.AUTHENTICATED')).to.be.within(0, text.indexOf('LoadUtils'));
  });
});
