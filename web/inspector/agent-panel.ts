import { setShown, setText } from '../shared/dom.ts';
import type { Charts } from './charts.ts';
import { showFacts, tickFacts } from './facts.ts';
import { Feed, type FeedState } from './feed.ts';
import { HistoryList } from './history.ts';
import { agentStream, type Detail, readAgent, type Transition } from './inspector-api.ts';
import { nextList } from './next-list.ts';
import { byId, copyText } from './page.ts';
import { lastTaken } from './past.ts';
import { forgetClock, observeClock } from './time.ts';
import { TimeTravel } from './time-travel.ts';
import { turnList } from './turn-list.ts';

/** The selected agent: charts, facts, history. */
export class AgentPanel {
  readonly #charts: Charts;
  readonly #onState: (state: FeedState) => void;
  readonly #history: HistoryList;
  readonly #travel: TimeTravel;
  readonly #showNext = nextList();
  readonly #showTurns = turnList();
  #feed: Feed | null = null;
  #agent: Detail | null = null;

  constructor(charts: Charts, onState: (state: FeedState) => void) {
    this.#charts = charts;
    this.#onState = onState;
    this.#travel = new TimeTravel(
      () => this.#history.records,
      (seq) => {
        this.#history.choose(seq);
        this.#render(false);
      },
    );
    this.#history = new HistoryList({
      labelOf: (machine, event) => charts.labelOf(machine, event),
      onChoose: (seq) => this.#travel.go(seq),
    });
    byId('copy').addEventListener('click', () => void this.#copy());
  }

  /** Selects an agent. */
  open(agentId: string): void {
    this.#feed?.close();
    this.#agent = null;
    this.#travel.go(null);
    this.#feed = new Feed({
      load: () => this.#load(agentId),
      events: {
        agent: (agent: Detail) => this.#update(agent),
        record: (record: Transition) => {
          observeClock(record.at);
          this.#history.add(record);
          this.#render(true);
        },
        removed: () => this.#clear(`The agent “${agentId}” was deleted.`),
      },
      onState: this.#onState,
    });
  }

  /** Updates the times. */
  tick(): void {
    if (!this.#agent) return;
    tickFacts(this.#agent);
    this.#showTurns(this.#agent.turns);
  }

  /** Loads the agent with its history; returns the stream's address, or null when the agent doesn't exist. */
  async #load(agentId: string): Promise<string | null> {
    const whole = await readAgent(agentId);
    if (!whole) {
      const wasKnown = this.#agent !== null;
      this.#clear(
        wasKnown
          ? `The agent “${agentId}” was deleted.`
          : `There is no agent “${agentId}”: it was deleted or never existed.`,
      );
      return null;
    }
    const { history, ...agent } = whole;
    const newest = history.at(-1);
    const known = this.#history.records.at(-1);
    // A reconnect keeps the rows, paused ones included; a restart of the service resets them.
    const isSameProcess =
      this.#agent !== null && history.some(({ seq, at }) => seq === known?.seq && at === known.at);
    if (isSameProcess) for (const record of history) this.#history.add(record);
    else {
      if (this.#agent !== null) forgetClock();
      this.#travel.go(null);
      this.#history.reset(history);
    }
    this.#update(agent);
    return agentStream(agentId, newest?.seq ?? 0);
  }

  /** Shows the agent's current state. */
  #update(agent: Detail): void {
    observeClock(Date.parse(agent.since));
    const isFirst = this.#agent === null;
    this.#agent = agent;
    setShown(byId('lost'), false);
    setShown(byId('charts'), true);
    setShown(byId('side'), true);
    showFacts(agent);
    this.#showTurns(agent.turns);
    this.#render(!isFirst);
  }

  /** Highlights the present, or the selected moment of the past. */
  #render(flash: boolean): void {
    const agent = this.#agent;
    if (!agent) return;
    const past = this.#travel.moment;
    const taken = lastTaken(this.#history.records);
    const present = {
      agent: { states: agent.states, taken: taken.agent },
      supervisor: { states: agent.supervisorStates, taken: taken.supervisor },
    };
    const next = past ? null : agent.next;
    this.#charts.show(past ?? present, next, flash && !past);
    this.#showNext(next);
  }

  /** Shows a text in place of an agent that does not exist. */
  #clear(text: string): void {
    this.#feed?.close();
    this.#onState('closed');
    this.#agent = null;
    setShown(byId('charts'), false);
    setShown(byId('side'), false);
    setShown(byId('lost'), true);
    setText(byId('lost'), text);
  }

  /** Copies the history as JSON for a replay. */
  async #copy(): Promise<void> {
    const { records } = this.#history;
    const text = JSON.stringify({ agentId: this.#agent?.agentId, records }, null, 2);
    const result = (await copyText(text))
      ? `${records.length} records copied.`
      : 'The browser does not allow copying here; GET /inspector/api/agents/{agentId} returns the same.';
    setText(byId('copied'), result);
  }
}
