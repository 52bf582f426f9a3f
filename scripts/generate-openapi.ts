import { writeFile } from 'node:fs/promises';
import { stringify } from 'yaml';
import { openApiDocument } from '../src/http/openapi.ts';

/** Writes `docs/openapi.json` and `docs/openapi.yaml` from the schemas that validate. */
async function main(): Promise<void> {
  const document = openApiDocument('http://localhost:3000');
  const docs = new URL('../docs/', import.meta.url);
  await writeFile(new URL('openapi.json', docs), `${JSON.stringify(document, null, 2)}\n`);
  await writeFile(new URL('openapi.yaml', docs), stringify(document, { aliasDuplicateObjects: false }));
}

await main();
