import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { parse } from 'yaml';
import { findProgram, whereFound } from '../support/where-found.ts';

interface Rule {
  alert: string;
  annotations: Record<string, string>;
}

interface AlertCase {
  alertname: string;
  exp_alerts: unknown[];
}

const RULES = fileURLToPath(new URL('../../docs/alerts.yaml', import.meta.url));
const CASES = fileURLToPath(new URL('alerts.test.yaml', import.meta.url));
const [rules, cases] = await Promise.all([
  readFile(RULES, 'utf8').then((text) =>
    (parse(text) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules),
  ),
  readFile(CASES, 'utf8').then((text) =>
    (parse(text) as { tests: { alert_rule_test: AlertCase[] }[] }).tests.flatMap(
      (test) => test.alert_rule_test,
    ),
  ),
]);

describe('the alert rules', () => {
  it('have one heading each in the runbook, which has no others', async () => {
    const runbook = await readFile(new URL('../../docs/runbook.md', import.meta.url), 'utf8');
    const headings = [...runbook.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading!);
    expect(rules.map(({ alert }) => alert))
      .to.have.length(12)
      .and.deep.equal(headings);
    for (const { alert, annotations } of rules)
      expect(annotations.runbook).to.equal(`docs/runbook.md#${alert.toLowerCase()}`);
  });

  it('are each tested for firing and for not firing', () => {
    for (const { alert } of rules) {
      const counts = cases.filter(({ alertname }) => alertname === alert).map((one) => one.exp_alerts.length);
      expect(counts, alert).to.include(0);
      expect(Math.max(...counts), alert).to.be.above(0);
    }
  });

  whereFound(
    'by promtool',
    findProgram('promtool'),
    'no promtool found (Debian package: prometheus)',
    (promtool) => {
      /** Runs promtool; returns its output and status. */
      function run(...args: string[]) {
        const { status, stdout, stderr } = spawnSync(promtool, args, { encoding: 'utf8' });
        return { status, printed: `${stdout}${stderr}` };
      }

      it('are valid', () => {
        const { status, printed } = run('check', 'rules', RULES);
        expect(status, printed).to.equal(0);
      });

      it('pass their tests', () => {
        const { status, printed } = run('test', 'rules', CASES);
        expect(status, printed).to.equal(0);
      });
    },
  );
});
