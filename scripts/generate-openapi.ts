import { writeFile } from 'node:fs/promises';
import { stringify } from 'yaml';
import { cloudDocument } from '../src/http/openapi/cloud-document.ts';
import { openApiDocument } from '../src/http/openapi/document.ts';
import { sandboxDocument } from '../src/sandbox/control-api/sandbox-routes.ts';

const SERVER = 'http://localhost:3000';

/** Writes one OpenAPI document to `docs/`, as JSON and as YAML. */
async function write(name: string, document: object): Promise<void> {
  const docs = new URL('../docs/', import.meta.url);
  await writeFile(new URL(`${name}.json`, docs), `${JSON.stringify(document, null, 2)}\n`);
  await writeFile(new URL(`${name}.yaml`, docs), stringify(document, { aliasDuplicateObjects: false }));
}

await write('openapi', openApiDocument(SERVER));
await write('cloud-openapi', cloudDocument(SERVER));
await write('sandbox-openapi', sandboxDocument(SERVER));
