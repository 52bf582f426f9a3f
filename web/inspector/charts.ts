import { setShown, setText } from '../shared/dom.ts';
import agentDrawing from './chart/agent.svg?raw';
import supervisorDrawing from './chart/supervisor.svg?raw';
import { ChartPane } from './chart-pane.ts';
import { showPaths } from './facts.ts';
import type { AgentList, Machine, Next } from './inspector-api.ts';
import { byId } from './page.ts';
import type { Moment } from './past.ts';

const MACHINES = ['agent', 'supervisor'] as const;
const STEP = 1.2;

/** Both charts of the selected agent, and the buttons above them. */
export class Charts {
  readonly #panes: Record<Machine, ChartPane> = {
    agent: new ChartPane(byId('agent-chart'), agentDrawing),
    supervisor: new ChartPane(byId('supervisor-chart'), supervisorDrawing),
  };
  #factor = 0.85;
  #isWhole = false;

  constructor() {
    byId('follow').addEventListener('change', () => {
      for (const machine of MACHINES) {
        this.#panes[machine].isFollowing = byId<HTMLInputElement>('follow').checked;
        this.#panes[machine].follow(true);
      }
    });
    byId('smaller').addEventListener('click', () => this.#zoom(this.#factor / STEP));
    byId('larger').addEventListener('click', () => this.#zoom(this.#factor * STEP));
    byId('whole').addEventListener('click', () => {
      this.#isWhole = !this.#isWhole;
      this.#rescale();
    });
    this.#rescale();
  }

  /** The chart's label of an event; undefined for one that it doesn't draw. */
  labelOf(machine: Machine, event: string): string | undefined {
    return this.#panes[machine].chart.label(event);
  }

  /** Highlights a moment; `next` is null for the past. */
  show(moment: Moment, next: Next | null, flash: boolean): void {
    for (const machine of MACHINES) {
      const edges = next?.[machine].map(({ edge }) => edge) ?? [];
      this.#panes[machine].show({ ...moment[machine], next: edges }, flash);
    }
    showPaths(moment.agent.states, moment.supervisor.states);
  }

  /** Warns when the running machines differ from the drawn ones. */
  compare(running: AgentList['charts']): void {
    const stale = MACHINES.filter((machine) => this.#panes[machine].chart.hash !== running[machine]);
    const names = stale.map((machine) => (machine === 'agent' ? 'session' : machine)).join(' and the ');
    const text = `The chart of the ${names} is stale: the service runs another machine than the one drawn. Reload the page; if the message stays, rebuild the service.`;
    setShown(byId('stale'), stale.length > 0);
    setText(byId('stale'), stale.length > 0 ? text : '');
  }

  /** Scales the charts, between a quarter and twice their size. */
  #zoom(factor: number): void {
    this.#isWhole = false;
    this.#factor = Math.min(2, Math.max(0.25, factor));
    this.#rescale();
  }

  /** Applies the scale. */
  #rescale(): void {
    byId('whole').setAttribute('aria-pressed', String(this.#isWhole));
    for (const machine of MACHINES) this.#panes[machine].scale(this.#isWhole ? null : this.#factor);
  }
}
