import './main.css';
import { setAttribute, setShown, setText } from '../shared/dom.ts';
import { AgentPanel } from './agent-panel.ts';
import { AgentTable } from './agent-table.ts';
import { Charts } from './charts.ts';
import { Feed, type FeedState } from './feed.ts';
import { AGENTS_STREAM, readAgents, type Summary } from './inspector-api.ts';
import { byId, copyText } from './page.ts';

/** Interval of updating the times. */
const TICK_MS = 250;

const CONNECTION_TEXTS: Record<FeedState, string> = {
  connecting: 'connecting…',
  live: 'live',
  reconnecting: 'reconnecting… last known state',
  closed: 'live',
};

const states: Record<'agents' | 'agent', FeedState> = { agents: 'connecting', agent: 'closed' };
let chosen: string | null = new URL(location.href).searchParams.get('agent');

/** Shows the worse connection of the two feeds. */
function showConnection(feed: keyof typeof states, state: FeedState): void {
  states[feed] = state;
  const both = Object.values(states);
  const worst =
    both.find((one) => one === 'reconnecting') ?? both.find((one) => one === 'connecting') ?? 'live';
  setText(byId('connection'), CONNECTION_TEXTS[worst]);
  setAttribute(byId('connection'), 'data-state', worst);
}

const charts = new Charts();
const panel = new AgentPanel(charts, (state) => showConnection('agent', state));
const table = new AgentTable((agentId) => {
  history.pushState(null, '', `?agent=${encodeURIComponent(agentId)}`);
  open(agentId);
});

/** Selects an agent. */
function open(agentId: string): void {
  chosen = agentId;
  document.title = `${agentId} · Inspector`;
  table.choose(agentId);
  panel.open(agentId);
}

/** Shows the table, or how to create the first agent; selects the first agent if none is. */
function showTable(): void {
  setShown(byId('empty'), table.isEmpty);
  setShown(byId('agents'), !table.isEmpty);
  const { first } = table;
  if (chosen === null && first !== undefined) open(first);
}

/** The cURL command that creates the first agent. */
function firstCommand(hasLogin: boolean): string {
  const bearer = hasLogin ? ` \\\n  -H "Authorization: Bearer $SESSIONS_TOKEN"` : '';
  return `curl ${location.origin}/sessions${bearer} \\
  -H 'Content-Type: application/json' \\
  -d '{"userId": 1, "agentId": "demo", "agentName": "Demo", "apikey": "my-key"}'`;
}

/** Loads all rows and what depends on the service; returns the stream's address. */
async function load(): Promise<string> {
  const { list, isSandbox } = await readAgents();
  setShown(byId('sandbox'), isSandbox);
  setShown(byId('qr-real'), !isSandbox);
  setShown(byId('qr-sandbox'), isSandbox);
  setShown(byId('logout'), list.hasLogin);
  setText(byId('first-curl'), firstCommand(list.hasLogin));
  charts.compare(list.charts);
  table.update(list.agents, true);
  showTable();
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
  // While disconnected, the last known state may not last.
  if (Object.values(states).includes('reconnecting')) return;
  table.tick();
  panel.tick();
}, TICK_MS);

if (chosen !== null) open(chosen);
new Feed({
  load,
  events: {
    agents: ({ agents, complete }: { agents: Summary[]; complete: boolean }) => {
      table.update(agents, complete);
      showTable();
    },
    removed: ({ agentId }: { agentId: string }) => {
      table.remove(agentId);
      showTable();
    },
  },
  onState: (state) => showConnection('agents', state),
});
