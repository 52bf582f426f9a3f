import { setShown, setText } from '../shared/dom.ts';
import { agentStream, type Detail, readAgent, type Transition } from './api.ts';
import type { Charts } from './charts.ts';
import { showFacts, tickFacts } from './facts.ts';
import { Feed, type FeedState } from './feed.ts';
import { HistoryList } from './history.ts';
import { nextList } from './next-list.ts';
import { byId, copyText } from './page.ts';
import { lastTaken } from './past.ts';
import { forgetClock, observeClock } from './time.ts';
import { TimeTravel } from './time-travel.ts';

/** Everything about the one agent that is looked at. */
export class AgentView {
  readonly #charts: Charts;
  readonly #onState: (state: FeedState) => void;
  readonly #history: HistoryList;
  readonly #travel: TimeTravel;
  readonly #showNext = nextList();
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

  /** Looks at an agent from now on. */
  open(agentId: string): void {
    this.#feed?.close();
    this.#agent = null;
    this.#travel.go(null);
    this.#feed = new Feed({
      load: () => this.#load(agentId),
      events: {
        agent: (agent: Detail) => this.#take(agent),
        record: (record: Transition) => {
          observeClock(record.at);
          this.#history.add(record);
          this.#render(true);
        },
        removed: () => this.#lose(`The agent “${agentId}” was deleted.`),
      },
      onState: this.#onState,
    });
  }

  /** Lets the times go on. */
  tick(): void {
    if (this.#agent) tickFacts(this.#agent);
  }

  /** Reads the agent as it is, its history included. */
  async #load(agentId: string): Promise<string | null> {
    const whole = await readAgent(agentId);
    if (!whole) {
      const wasKnown = this.#agent !== null;
      this.#lose(
        wasKnown
          ? `The agent “${agentId}” was deleted.`
          : `There is no agent “${agentId}”: it was deleted, or there never was one of this name.`,
      );
      return null;
    }
    const { history, ...agent } = whole;
    const newest = history.at(-1);
    const known = this.#history.records.at(-1);
    // After a break of the connection the rows, and what is held back, stay; another life of the service begins anew.
    const isSameLife =
      this.#agent !== null && history.some(({ seq, at }) => seq === known?.seq && at === known.at);
    if (isSameLife) for (const record of history) this.#history.add(record);
    else {
      if (this.#agent !== null) forgetClock();
      this.#travel.go(null);
      this.#history.reset(history);
    }
    this.#take(agent);
    return agentStream(agentId, newest?.seq ?? 0);
  }

  /** Shows the agent as it is now. */
  #take(agent: Detail): void {
    observeClock(Date.parse(agent.since));
    const isFirst = this.#agent === null;
    this.#agent = agent;
    setShown(byId('lost'), false);
    setShown(byId('charts'), true);
    setShown(byId('side'), true);
    showFacts(agent);
    this.#render(!isFirst);
  }

  /** Lights the charts: the present, or the moment that was travelled to. */
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

  /** Says that the agent is gone. */
  #lose(words: string): void {
    this.#feed?.close();
    this.#onState('over');
    this.#agent = null;
    setShown(byId('charts'), false);
    setShown(byId('side'), false);
    setShown(byId('lost'), true);
    setText(byId('lost'), words);
  }

  /** Puts the history on the clipboard, as it can be replayed. */
  async #copy(): Promise<void> {
    const { records } = this.#history;
    const text = JSON.stringify({ agentId: this.#agent?.agentId, records }, null, 2);
    const told = (await copyText(text))
      ? `${records.length} records copied.`
      : 'The browser does not allow copying here; GET /inspector/api/agents/{agentId} gives the same.';
    setText(byId('copied'), told);
  }
}
