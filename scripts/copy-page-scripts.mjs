// The scripts of the page layer are read as text when the service runs: they lie beside the compiled code as they are.
import { cpSync, readdirSync } from 'node:fs';

const FOLDER = 'infra/whatsapp/wwebjs/page';

for (const name of readdirSync(`src/${FOLDER}`))
  if (name.endsWith('.js')) cpSync(`src/${FOLDER}/${name}`, `dist/${FOLDER}/${name}`);
