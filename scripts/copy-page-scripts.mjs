// Copies the scripts of the page layer beside the compiled code: the service reads them as text at run time.
import { cpSync, readdirSync } from 'node:fs';

const FOLDER = 'infra/whatsapp/wwebjs/page';

for (const name of readdirSync(`src/${FOLDER}`))
  if (name.endsWith('.js')) cpSync(`src/${FOLDER}/${name}`, `dist/${FOLDER}/${name}`);
