import { el, keyed, oncePerFrame, type Row, setAttribute, setText } from '../shared/dom.ts';
import type { Summary } from './inspector-api.ts';
import { byId } from './page.ts';
import { statusText } from './texts.ts';
import { age } from './time.ts';

type Column = 'agent' | 'state' | 'since' | 'mailbox' | 'restarts';

/** The headers, short so that ids have room, and their meaning. */
const TITLES: Record<Column, { short: string; meaning: string }> = {
  agent: { short: 'Agent', meaning: 'Agent' },
  state: { short: 'State', meaning: 'State' },
  since: { short: 'Since', meaning: 'Since: time in this state' },
  mailbox: { short: 'Mail', meaning: 'Mail: queued messages' },
  restarts: { short: '↻', meaning: 'Restarts' },
};

/** Sort keys by column. */
const KEYS: Record<Column, (agent: Summary) => string | number> = {
  agent: ({ agentId }) => agentId,
  state: ({ status }) => status,
  since: ({ since }) => -Date.parse(since),
  mailbox: ({ mailbox }) => -mailbox.depth,
  restarts: ({ supervisor }) => -supervisor.restarts,
};

/** The table of all agents: filtered, sorted, one selected. */
export class AgentTable {
  readonly #agents = new Map<string, Summary>();
  readonly #filter = byId<HTMLInputElement>('agent-filter');
  readonly #status = byId<HTMLSelectElement>('agent-status');
  readonly #headers = new Map<Column, HTMLElement>();
  readonly #draw: (agents: readonly Summary[]) => void;
  readonly #ages = new Map<string, { node: HTMLElement; since: string }>();
  #sort: { column: Column; isReverse: boolean } = { column: 'agent', isReverse: false };
  #chosen: string | null = null;
  readonly #due = oncePerFrame(() => this.#render());

  constructor(onChoose: (agentId: string) => void) {
    for (const input of [this.#filter, this.#status]) input.addEventListener('input', () => this.#due());
    for (const column of Object.keys(TITLES) as Column[]) this.#addHeader(column);
    this.#draw = keyed(
      byId('agent-rows'),
      ({ agentId }) => agentId,
      (agent) => this.#row(agent, onChoose),
    );
  }

  /** Whether there are no agents. */
  get isEmpty(): boolean {
    return this.#agents.size === 0;
  }

  /** The first agent of the table; undefined when it is empty. */
  get first(): string | undefined {
    return this.#visible()[0]?.agentId;
  }

  /** Updates rows; `complete` replaces all of them. */
  update(agents: readonly Summary[], complete: boolean): void {
    if (complete) this.#agents.clear();
    for (const agent of agents) this.#agents.set(agent.agentId, agent);
    this.#due();
  }

  /** Removes a row. */
  remove(agentId: string): void {
    this.#agents.delete(agentId);
    this.#ages.delete(agentId);
    this.#due();
  }

  /** Marks the row of the selected agent. */
  choose(agentId: string): void {
    this.#chosen = agentId;
    this.#due();
  }

  /** Updates the times. */
  tick(): void {
    for (const { node, since } of this.#ages.values()) setText(node, age(since));
  }

  /** Draws the visible rows. */
  #render(): void {
    const visible = this.#visible();
    this.#draw(visible);
    for (const [column, header] of this.#headers) {
      const order = this.#sort.isReverse ? 'descending' : 'ascending';
      setAttribute(header, 'aria-sort', column === this.#sort.column ? order : undefined);
    }
    const all = this.#agents.size;
    const of = visible.length === all ? '' : `${visible.length} of `;
    setText(byId('agent-count'), `${of}${all} ${all === 1 ? 'agent' : 'agents'}`);
  }

  /** The agents that match the filters, sorted. */
  #visible(): Summary[] {
    const part = this.#filter.value.trim().toLowerCase();
    const status = this.#status.value;
    const key = KEYS[this.#sort.column];
    const sign = this.#sort.isReverse ? -1 : 1;
    return [...this.#agents.values()]
      .filter((agent) => status === '' || agent.status === status)
      .filter(({ agentId, agentName }) => `${agentId} ${agentName}`.toLowerCase().includes(part))
      .sort((a, b) => sign * compare(key(a), key(b)) || compare(a.agentId, b.agentId));
  }

  /** Adds a header that sorts by its column. */
  #addHeader(column: Column): void {
    const click = () => {
      this.#sort = { column, isReverse: this.#sort.column === column && !this.#sort.isReverse };
      this.#due();
    };
    const { short, meaning } = TITLES[column];
    const button = el(
      'button',
      { type: 'button', title: meaning, 'aria-label': meaning, on: { click } },
      short,
    );
    const header = el('th', { scope: 'col' }, button);
    this.#headers.set(column, header);
    byId('agent-sorts').append(header);
  }

  /** One row; its button takes the keyboard focus. */
  #row({ agentId }: Summary, onChoose: (agentId: string) => void): Row<Summary> {
    const choose = el('button', { type: 'button', class: 'agent' }, agentId);
    const status = el('span', { class: 'status' });
    const since = el('td', { class: 'number' });
    const mailbox = el('td', { class: 'number' });
    const restarts = el('td', { class: 'number' });
    const cells = [el('th', { scope: 'row' }, choose), el('td', {}, status), since, mailbox, restarts];
    const node = el('tr', { on: { click: () => onChoose(agentId) } }, ...cells);
    return {
      node,
      show: (agent) => {
        this.#ages.set(agentId, { node: since, since: agent.since });
        setAttribute(choose, 'title', `${agentId} · ${agent.agentName}`);
        setAttribute(choose, 'aria-pressed', String(agentId === this.#chosen));
        setAttribute(node, 'class', agentId === this.#chosen ? 'chosen' : undefined);
        setAttribute(status, 'data-status', agent.status);
        setText(status, statusText(agent.status));
        setText(since, age(agent.since));
        setText(mailbox, String(agent.mailbox.depth));
        setText(restarts, String(agent.supervisor.restarts));
      },
    };
  }
}

/** Compares two keys of one column. */
function compare(a: string | number, b: string | number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
