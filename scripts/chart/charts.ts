import { readFile } from 'node:fs/promises';
import { agentMachine } from '../../src/actors/agent.machine.ts';
import { chartGraph } from '../../src/actors/chart-graph.ts';
import { supervisorMachine } from '../../src/actors/supervisor.machine.ts';
import { layOut } from './layout.ts';
import { svgOf } from './svg.ts';
import { chartPage, compactChart } from './text.ts';

const README = new URL('../../README.md', import.meta.url);
const MARKED = /(<!-- chart: npm run chart -->\n)[\s\S]*?(\n<!-- \/chart -->)/;

/** Everything that is made of the machines, by path from the project's root. */
export async function charts(): Promise<Map<string, string>> {
  const agent = chartGraph(agentMachine);
  const supervisor = chartGraph(supervisorMachine);
  const files = new Map<string, string>();
  for (const graph of [agent, supervisor]) {
    files.set(`web/inspector/chart/${graph.machine}.svg`, svgOf(graph, await layOut(graph)));
  }
  files.set('docs/statechart.md', chartPage([agent, supervisor]));
  const readme = await readFile(README, 'utf8');
  files.set('README.md', readme.replace(MARKED, `$1${compactChart(agent)}$2`));
  return files;
}
