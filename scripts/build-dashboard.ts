import { writeFile } from 'node:fs/promises';
import { dashboard } from './dashboard.ts';

// Writes docs/grafana-dashboard.json.

const target = new URL('../docs/grafana-dashboard.json', import.meta.url);
await writeFile(target, `${JSON.stringify(dashboard(), null, 2)}\n`);
