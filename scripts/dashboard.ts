import { type PanelSpec, ROWS, type RowSpec } from './dashboard-panels.ts';

// The Grafana dashboard as data; the output is reproducible.

const COLUMNS = 24;
const HEIGHT = { timeseries: 8, 'state-timeline': 8, stat: 4 };
const SOURCE = { type: 'prometheus', uid: '$datasource' };

/** The position of a panel in Grafana's grid. */
interface GridPos {
  x: number;
  y: number;
  w: number;
  h: number;
}

/** The options of a panel by its kind. */
function optionsOf({ kind, unit }: PanelSpec) {
  const legend = { displayMode: 'table', placement: 'bottom', calcs: ['lastNotNull', 'max'] };
  if (kind === 'stat') return { reduceOptions: { calcs: ['lastNotNull'] }, colorMode: 'value' };
  if (kind === 'state-timeline') return { showValue: 'never', legend: { showLegend: false } };
  return { legend, tooltip: { mode: 'multi', sort: unit === 'bool_yes_no' ? 'none' : 'desc' } };
}

/** A panel in Grafana's format. */
function panel(spec: PanelSpec, id: number, gridPos: GridPos) {
  const { title, kind, unit, description, queries } = spec;
  return {
    id,
    type: kind,
    title,
    ...(description && { description }),
    datasource: SOURCE,
    gridPos,
    fieldConfig: {
      defaults: { unit, min: 0, custom: kind === 'timeseries' ? { fillOpacity: 8 } : {} },
      overrides: [],
    },
    options: optionsOf(spec),
    targets: queries.map(([expr, legendFormat], index) => ({
      refId: String.fromCharCode(65 + index),
      datasource: SOURCE,
      expr,
      legendFormat,
      instant: kind === 'stat',
      range: kind !== 'stat',
    })),
  };
}

/** A row's heading and its panels, from left to right, then downwards, from `y`; ids start at `id`. */
function row({ title, panels }: RowSpec, id: number, y: number) {
  const heading = {
    id,
    type: 'row',
    title,
    collapsed: false,
    gridPos: { x: 0, y, w: COLUMNS, h: 1 },
    panels: [],
  };
  const placed: ReturnType<typeof panel>[] = [];
  let x = 0;
  let top = y + 1;
  let height = 0;
  for (const [index, spec] of panels.entries()) {
    const h = HEIGHT[spec.kind];
    if (x + spec.width > COLUMNS) {
      x = 0;
      top += height;
      height = 0;
    }
    placed.push(panel(spec, id + 1 + index, { x, y: top, w: spec.width, h }));
    x += spec.width;
    height = Math.max(height, h);
  }
  return { panels: [heading, ...placed], bottom: top + height };
}

/** The variables: Prometheus and agents. */
const VARIABLES = [
  { name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus', refresh: 1 },
  {
    name: 'agent',
    label: 'Agent',
    type: 'query',
    datasource: SOURCE,
    query: { query: 'label_values(wa_session_state, agent_id)', refId: 'agents' },
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: '.*',
    current: { text: 'All', value: '$__all' },
  },
];

/** The whole dashboard, ready for import. */
export function dashboard() {
  const panels: object[] = [];
  let y = 0;
  for (const spec of ROWS) {
    const { panels: placed, bottom } = row(spec, panels.length + 1, y);
    panels.push(...placed);
    y = bottom;
  }
  return {
    uid: 'whatsapp-gateway',
    title: 'WhatsApp gateway',
    tags: ['whatsapp-gateway'],
    schemaVersion: 39,
    version: 1,
    editable: true,
    refresh: '30s',
    time: { from: 'now-3h', to: 'now' },
    templating: { list: VARIABLES },
    panels,
  };
}
