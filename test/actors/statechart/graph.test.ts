import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { type AnyStateMachine, type AnyStateNode, createMachine } from 'xstate';
import { chartFiles } from '../../../scripts/chart/chart-files.ts';
import { layOut } from '../../../scripts/chart/layout.ts';
import { svgOf } from '../../../scripts/chart/svg.ts';
import { sessionMachine } from '../../../src/actors/session/session.machine.ts';
import { supervisorMachine } from '../../../src/actors/session/supervisor.machine.ts';
import { chartGraph } from '../../../src/actors/statechart/graph.ts';
import { edgeOf } from '../../../src/actors/statechart/labels.ts';
import { mermaidOf } from '../../../src/http/pages/chart-mermaid.ts';

const root = new URL('../../../', import.meta.url);

/** Every value of an attribute in an SVG, in order. */
function attributes(svg: string, name: string): string[] {
  const plain = (text: string) => text.replace(/&gt;/g, '>').replace(/&lt;/g, '<').replace(/&amp;/g, '&');
  return [...svg.matchAll(new RegExp(` ${name}="([^"]*)"`, 'g'))].map(([, value]) => plain(value!));
}

/** The machine's nodes, as XState knows them. */
function nodesOf(machine: AnyStateMachine): AnyStateNode[] {
  const below = (node: AnyStateNode): AnyStateNode[] =>
    Object.values(node.states).flatMap((child) => [child, ...below(child)]);
  return below(machine.root);
}

describe('state charts', () => {
  let files: Map<string, string>;

  before(async () => {
    files = await chartFiles();
  });

  it('are up to date: `npm run chart` would change nothing', async () => {
    for (const [path, content] of files) {
      expect(await readFile(new URL(path, root), 'utf8'), `${path} is stale`).to.equal(content);
    }
  });

  it('are reproducible', async () => {
    expect([...(await chartFiles())]).to.deep.equal([...files]);
  });

  for (const machine of [sessionMachine, supervisorMachine] as AnyStateMachine[]) {
    describe(`of the ${machine.id}`, () => {
      const svg = () => files.get(`web/inspector/chart/${machine.id}.svg`)!;

      it('has each state exactly once', () => {
        const paths = nodesOf(machine).map(({ path }) => path.join('.'));
        expect(attributes(svg(), 'data-state').sort()).to.deep.equal(paths.sort());
      });

      it('has each transition exactly once, on the line or in the row of its edge', () => {
        const transitions = [machine.root, ...nodesOf(machine)].flatMap((node) =>
          [...node.transitions.values(), node.always ?? []].flat(),
        );
        const drawn = svg()
          .split('<g ')
          .flatMap((group) => {
            const [edge] = attributes(` ${group}`, 'data-edge');
            return attributes(group, 'data-event').map((event) => `${edge} ${event}`);
          });
        const walked = transitions.map((made) => `${edgeOf(made)} ${made.eventType}`);
        expect(drawn.sort()).to.deep.equal(walked.sort());
        const edges = attributes(svg(), 'data-edge');
        expect(edges).to.have.lengthOf(new Set(edges).size);
      });

      it('carries the hash of its machine', () => {
        expect(attributes(svg(), 'data-hash')).to.deep.equal([chartGraph(machine).hash]);
        expect(attributes(svg(), 'data-machine')).to.deep.equal([machine.id]);
      });

      it('has no colour of its own', () => {
        expect(svg()).not.to.match(/ (fill|stroke|style)=|#[0-9a-f]{3}|rgb\(/i);
      });
    });
  }

  it('are in the docs and the README as Mermaid text', () => {
    expect(files.get('docs/statechart.md')!.match(/```mermaid\nstateDiagram-v2\n/g)).to.have.length(2);
    expect(files.get('README.md')).to.match(/<!-- chart[^\n]*\n```mermaid\nstateDiagram-v2\n/);
  });

  it('have each state and each transition exactly once as text', () => {
    for (const machine of [sessionMachine, supervisorMachine] as AnyStateMachine[]) {
      const text = mermaidOf(chartGraph(machine));
      const states = [...text.matchAll(/^ *state "(?!anywhere)[^"]*" as (\w+)/gm)].map(([, id]) => id);
      expect(states.sort()).to.deep.equal(
        nodesOf(machine)
          .map(({ path }) => path.join('__'))
          .sort(),
      );
      const labels = [...text.matchAll(/ : (.*)$/gm)].flatMap(([, label]) => label!.split('<br/>'));
      expect(labels).to.have.lengthOf(
        chartGraph(machine).edges.flatMap(({ transitions }) => transitions).length,
      );
    }
  });

  it('draw transitions of the root, and those with several targets', async () => {
    const graph = chartGraph(
      createMachine({
        id: 'agent',
        type: 'parallel',
        on: { reset: { target: ['.one.a', '.two.a'] }, ping: {} },
        states: {
          one: { initial: 'a', states: { a: { on: { go: 'b' } }, b: {} } },
          two: { initial: 'a', states: { a: { on: { go: 'b' } }, b: {} } },
        },
      }),
    );
    const svg = svgOf(graph, await layOut(graph));
    expect(attributes(svg, 'data-edge').sort()).to.deep.equal(graph.edges.map(({ edge }) => edge).sort());
    expect(attributes(svg, 'data-edge')).to.include.members([' → one.a, two.a', ' → ']);
    expect(attributes(svg, 'data-state')).to.have.lengthOf(6);
  });

  it('change their hash when anything drawn changes', () => {
    const chartOf = (guard: string) =>
      chartGraph(createMachine({ id: 'agent', initial: 'on', states: { on: { on: { go: { guard } } } } }));
    expect(chartOf('isReady').hash).to.equal(chartOf('isReady').hash);
    expect(chartOf('isReady').hash).not.to.equal(chartOf('isSteady').hash);
  });
});
