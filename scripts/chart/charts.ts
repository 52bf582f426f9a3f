import { agentMachine } from '../../src/actors/agent.machine.ts';
import { chartGraph } from '../../src/actors/chart-graph.ts';
import { supervisorMachine } from '../../src/actors/supervisor.machine.ts';
import { layOut } from './layout.ts';
import { svgOf } from './svg.ts';

/** Everything that is made of the machines, by path from the project's root. */
export async function charts(): Promise<Map<string, string>> {
  const graphs = [chartGraph(agentMachine), chartGraph(supervisorMachine)];
  const files = new Map<string, string>();
  for (const graph of graphs) {
    files.set(`web/inspector/chart/${graph.machine}.svg`, svgOf(graph, await layOut(graph)));
  }
  return files;
}
