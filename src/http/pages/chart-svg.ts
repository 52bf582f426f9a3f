import type { MachineName, NextTransition } from '../../actors/domain/chart-graph.ts';
import { webFile } from './web-files.ts';

/** What is lit on a chart. */
export interface Lit {
  /** Live leaf states by path. */
  states: string[];
  next: NextTransition[];
}

/** A live leaf with every state around it. */
function withAncestors(path: string): string[] {
  const parts = path.split('.');
  return parts.map((_, index) => parts.slice(0, index + 1).join('.'));
}

/** Text as it stands in an attribute of the drawn chart. */
function attribute(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}

/** Adds a class to the groups that carry one of these values. */
function mark(
  svg: string,
  name: 'data-state' | 'data-edge',
  values: Iterable<string>,
  className: string,
): string {
  const wanted = new Set([...values].map(attribute));
  return svg.replace(new RegExp(`class="([^"]*)" ${name}="([^"]*)"`, 'g'), (whole, classes, value) =>
    wanted.has(value) ? `class="${classes} ${className}" ${name}="${value}"` : whole,
  );
}

/**
 * The drawn chart of a machine as a picture of its own, in the colours of the pages: live states lit with all
 * around them, and what can happen next.
 */
export async function litChart(machine: MachineName, { states, next }: Lit): Promise<string> {
  const [drawn, theme, look] = await Promise.all([
    webFile(`inspector/chart/${machine}.svg`),
    webFile('shared/theme.css'),
    webFile('inspector/chart.css'),
  ]);
  const lit = mark(drawn, 'data-state', states.flatMap(withAncestors), 'active');
  const marked = mark(
    lit,
    'data-edge',
    next.map(({ edge }) => edge),
    'next',
  );
  return marked.replace(/>/, `>\n<style><![CDATA[${theme}${look}]]></style>`);
}
