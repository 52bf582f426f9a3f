import { RESTART_POLICY, type RestartRule } from '../../src/actors/domain/restart-policy.ts';

// The restart policy in words.

const DECISIONS = {
  restart: 'restarts automatically',
  restart_linked: 'restarts automatically if it has been linked, else waits for a request',
  idle: 'waits for a request',
  blocked: 'waits for a request in auth_failed',
};
/** Characters in a line below the chart. */
const LINE_LENGTH = 150;

const rules = Object.entries<RestartRule>(RESTART_POLICY);

/** What follows a reason, in words. */
function outcome({ decision, reload, atMost, minDelayMs, common, forgetCredentials }: RestartRule): string {
  const parts = [
    reload && 'first the page is reloaded',
    DECISIONS[decision],
    minDelayMs !== undefined && `after ${minDelayMs / 1_000} s at the earliest`,
    atMost &&
      `at most ${atMost.times === 1 ? 'once' : `${atMost.times} times`} in ${atMost.withinMs / 60_000} minutes`,
    common && 'one at a time when many agents end for this reason',
    forgetCredentials && 'its saved login is deleted',
  ];
  return parts.filter(Boolean).join('; ');
}

/** The table as markdown. */
export function reasonTable(): string {
  const rows = rules.map(([reason, rule]) => `| \`${reason}\` | ${outcome(rule)} |`);
  return ['| reason | what follows |', '|---|---|', ...rows].join('\n');
}

/** The table as lines of text: the reasons of each outcome, wrapped. */
export function reasonNotes(): string[] {
  const reasonsOf = new Map<string, string[]>();
  for (const [reason, rule] of rules) {
    reasonsOf.set(outcome(rule), [...(reasonsOf.get(outcome(rule)) ?? []), reason]);
  }
  const notes = ['agent.down: why the session ended, and what follows'];
  for (const [follows, reasons] of reasonsOf) {
    notes.push(`  ${follows}:`);
    for (const reason of reasons) {
      const last = notes.at(-1)!;
      if (last.length + reason.length + 1 > LINE_LENGTH) notes.push(`    ${reason}`);
      else notes[notes.length - 1] = `${last} ${reason}`;
    }
  }
  return notes;
}
