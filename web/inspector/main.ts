import './main.css';
import { setAttribute, setShown, setText } from '../shared/dom.ts';
import { AgentTable } from './agent-table.ts';
import { AgentView } from './agent-view.ts';
import { AGENTS_STREAM, readAgents, type Summary } from './api.ts';
import { Charts } from './charts.ts';
import { Feed, type FeedState } from './feed.ts';
import { byId, copyText } from './page.ts';

/** How often the times go on. */
const TICK_MS = 250;

const CONNECTION_WORDS: Record<FeedState, string> = {
  connecting: 'connecting…',
  live: 'live',
  reconnecting: 'reconnecting… shown as last heard',
  over: 'live',
};

const states: Record<'agents' | 'agent', FeedState> = { agents: 'connecting', agent: 'over' };
let chosen: string | null = new URL(location.href).searchParams.get('agent');

/** Says whether the page is in step with the service: as well as the worse of its two feeds. */
function connected(feed: keyof typeof states, state: FeedState): void {
  states[feed] = state;
  const both = Object.values(states);
  const worst =
    both.find((one) => one === 'reconnecting') ?? both.find((one) => one === 'connecting') ?? 'live';
  setText(byId('connection'), CONNECTION_WORDS[worst]);
  setAttribute(byId('connection'), 'data-state', worst);
}

const charts = new Charts();
const view = new AgentView(charts, (state) => connected('agent', state));
const table = new AgentTable((agentId) => {
  history.pushState(null, '', `?agent=${encodeURIComponent(agentId)}`);
  open(agentId);
});

/** Looks at an agent. */
function open(agentId: string): void {
  chosen = agentId;
  document.title = `${agentId} · Inspector`;
  table.choose(agentId);
  view.open(agentId);
}

/** Shows the table, or how to come to a first agent. */
function settle(): void {
  setShown(byId('empty'), table.isEmpty);
  setShown(byId('agents'), !table.isEmpty);
  const { first } = table;
  if (chosen === null && first !== undefined) open(first);
}

/** How the first agent is created, from a shell. */
function firstCommand(hasLogin: boolean): string {
  const bearer = hasLogin ? ` \\\n  -H "Authorization: Bearer $SESSIONS_TOKEN"` : '';
  return `curl ${location.origin}/sessions${bearer} \\
  -H 'Content-Type: application/json' \\
  -d '{"userId": 1, "agentId": "demo", "agentName": "Demo", "apikey": "my-key"}'`;
}

/** Reads all rows, and what there is to be said of the service. */
async function load(): Promise<string> {
  const { list, isSandbox } = await readAgents();
  setShown(byId('sandbox'), isSandbox);
  setShown(byId('qr-real'), !isSandbox);
  setShown(byId('qr-sandbox'), isSandbox);
  setShown(byId('logout'), list.hasLogin);
  setText(byId('first-curl'), firstCommand(list.hasLogin));
  charts.compare(list.charts);
  table.take(list.agents, true);
  settle();
  return AGENTS_STREAM;
}

byId('copy-curl').addEventListener('click', () => {
  void copyText(byId('first-curl').textContent).then((isCopied) =>
    setText(byId('copy-curl'), isCopied ? 'Copied' : 'Select it and copy'),
  );
});
addEventListener('popstate', () => {
  const agentId = new URL(location.href).searchParams.get('agent') ?? table.first;
  if (agentId !== undefined && agentId !== chosen) open(agentId);
});
setInterval(() => {
  // What was heard last is not known to go on.
  if (Object.values(states).includes('reconnecting')) return;
  table.tick();
  view.tick();
}, TICK_MS);

if (chosen !== null) open(chosen);
new Feed({
  load,
  events: {
    agents: ({ agents, complete }: { agents: Summary[]; complete: boolean }) => {
      table.take(agents, complete);
      settle();
    },
    removed: ({ agentId }: { agentId: string }) => {
      table.remove(agentId);
      settle();
    },
  },
  onState: (state) => connected('agents', state),
});
