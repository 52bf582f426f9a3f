// Writes examples/client/schema.d.ts, the types of the API, from docs/openapi.json. The generator needs an older
// TypeScript than the project's, so both run from npm's cache and are not installed here.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGES = ['openapi-typescript@7.13.0', 'typescript@5.9.3'];
const document = fileURLToPath(new URL('../docs/openapi.json', import.meta.url));
const target = new URL('../examples/client/schema.d.ts', import.meta.url);

const folder = mkdtempSync(join(tmpdir(), 'client-'));
try {
  const output = join(folder, 'schema.d.ts');
  const packages = PACKAGES.flatMap((name) => ['--package', name]);
  execFileSync('npx', ['--yes', ...packages, 'openapi-typescript', document, '--output', output], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const hash = createHash('sha256').update(readFileSync(document)).digest('hex');
  writeFileSync(target, `// From docs/openapi.json, sha256 ${hash}\n${readFileSync(output, 'utf8')}`);
} finally {
  rmSync(folder, { recursive: true });
}
