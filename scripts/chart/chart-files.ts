import { readFile } from 'node:fs/promises';
import { sessionMachine } from '../../src/actors/session/session.machine.ts';
import { supervisorMachine } from '../../src/actors/session/supervisor.machine.ts';
import { chartGraph } from '../../src/actors/statechart/graph.ts';
import { commandsPage } from './commands.ts';
import { layOut } from './layout.ts';
import { reasonNotes } from './reasons.ts';
import { svgOf } from './svg.ts';
import { chartPage, compactChart } from './text.ts';

const READMES = ['README.md', 'README.id.md'];
const ARCHITECTURE = 'docs/architecture.md';
const MARKED = /(<!-- chart: npm run chart -->\n)[\s\S]*?(\n<!-- \/chart -->)/;

/** The content of every file generated from the machines, by path from the project's root. */
export async function chartFiles(): Promise<Map<string, string>> {
  const agent = chartGraph(sessionMachine);
  const supervisor = chartGraph(supervisorMachine);
  const files = new Map<string, string>();
  for (const graph of [agent, supervisor]) {
    const notes = graph.machine === 'supervisor' ? reasonNotes() : [];
    files.set(`web/inspector/chart/${graph.machine}.svg`, svgOf(graph, await layOut(graph), notes));
  }
  files.set('docs/statechart.md', chartPage([agent, supervisor]));
  for (const name of READMES) files.set(name, await withMarked(name, compactChart(agent)));
  files.set(ARCHITECTURE, await withMarked(ARCHITECTURE, commandsPage()));
  return files;
}

/** A page with the text between its marks replaced. */
async function withMarked(name: string, text: string): Promise<string> {
  const page = await readFile(new URL(`../../${name}`, import.meta.url), 'utf8');
  return page.replace(MARKED, `$1${text}$2`);
}
