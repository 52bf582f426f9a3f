import type { AnyStateMachine, AnyStateNode } from 'xstate';
import { COMMAND_ROUTES } from '../../src/actors/gateway/command-routes.ts';
import { sessionMachine } from '../../src/actors/session/session.machine.ts';
import { supervisorMachine } from '../../src/actors/session/supervisor.machine.ts';
import { pathOf } from '../../src/actors/statechart/labels.ts';

/** A row of the table of commands, for the picture and the text. */
interface Row {
  command: string;
  to: string;
  event?: string;
  tag?: string;
}

const ROWS: Row[] = Object.entries(COMMAND_ROUTES).map(([command, { to, event, tag }]) => ({
  ...{ command, to, event, tag },
}));

/** The picture and the table of commands, as markdown. */
export function commandsPage(): string {
  const table = ROWS.map((row) => `| ${code(row.command)} | ${row.to} | ${how(row)} | ${acceptedIn(row)} |`);
  return [
    '```mermaid',
    picture(),
    '```',
    '',
    '| command | goes to | as | accepted in |',
    '|---|---|---|---|',
    ...table,
  ].join('\n');
}

/** Where the commands go; dotted, what a state of the session runs. */
function picture(): string {
  const targets = [...new Set(ROWS.map(({ to }) => to))];
  const id = (to: string) => to.replaceAll(' ', '_');
  const lines = ['flowchart LR', '  route["route of Express"] -- "ask(agentId, command)" --> gateway'];
  for (const to of targets) {
    const rows = ROWS.filter((row) => row.to === to);
    lines.push(`  gateway -- "${rows.map(({ command }) => command).join('<br/>')}" --> ${id(to)}["${to}"]`);
    const tags = [...new Set(rows.flatMap(({ tag }) => tag ?? []))];
    if (tags.length > 0) lines.push(`  session -. "${tags.join(', ')}" .-> ${id(to)}`);
  }
  return [...lines, '  supervisor --> session["session"]'].join('\n');
}

/** What the target receives. */
function how({ event }: Row): string {
  return event ? `event ${code(event)}` : 'call';
}

/** The states in which a command is accepted. */
function acceptedIn({ event, tag }: Row): string {
  if (event) return listed('supervisor', statesThatTake(event));
  return tag ? listed('session', statesTagged(tag)) : 'any state';
}

/** States of a machine as text. */
function listed(machine: string, states: string[]): string {
  return `${machine}: ${states.map(code).join(', ')}`;
}

/** The states of the session with a tag of their own. */
function statesTagged(tag: string): string[] {
  return statesBelow(sessionMachine.root)
    .filter((state) => state.tags.includes(tag))
    .map(({ id }) => pathOf(id));
}

/** The highest states of the supervisor in which an event always leads somewhere, but for its guards, or joins a start. */
function statesThatTake(event: string): string[] {
  const covered = (state: AnyStateNode): string[] => {
    const children: AnyStateNode[] = Object.values(state.states);
    const below = children.map(covered);
    const isJoined = event === 'session.start' && state.tags.includes('up');
    const isWhole =
      isJoined ||
      (children.length > 0 ? children.every((_, index) => below[index]![0] === '') : takes(state, event));
    return isWhole
      ? ['']
      : children.flatMap((child, index) => below[index]!.map((path) => path || pathOf(child.id)));
  };
  return covered(supervisorMachine.root);
}

/** True when a state, or the nearest state around it that knows the event, leads somewhere with it. */
function takes(state: AnyStateNode, event: string): boolean {
  const transitions = state.transitions.get(event);
  if (transitions === undefined) return state.parent !== undefined && takes(state.parent, event);
  return transitions.some(({ target, actions }) => target !== undefined || actions.length > 0);
}

/** Every state below a node. */
function statesBelow(node: AnyStateMachine['root']): AnyStateNode[] {
  return Object.values(node.states).flatMap((child: AnyStateNode) => [child, ...statesBelow(child)]);
}

/** A text set in code. */
function code(text: string): string {
  return `\`${text}\``;
}
