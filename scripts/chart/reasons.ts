import { RESTART_POLICY, type RestartRule } from '../../src/actors/domain/restart-policy.ts';

// Which end of a session leads where: the table that the supervisor decides by, in words.

const VERDICTS = {
  restart: 'comes back by itself',
  restart_linked: 'comes back by itself once it has been linked, else rests',
  rest: 'rests until it is asked for',
  blocked: 'rests in auth_failed until it is asked for',
};
/** Characters in a line below the chart. */
const LINE_LENGTH = 150;

const rules = Object.entries<RestartRule>(RESTART_POLICY);

/** What a reason of an end leads to. */
function outcome({ verdict, reload, atMost, minDelayMs, common, forgetCredentials }: RestartRule): string {
  const told = [
    reload && 'first the page is reloaded',
    VERDICTS[verdict],
    minDelayMs !== undefined && `after ${minDelayMs / 1_000} s at the earliest`,
    atMost &&
      `at most ${atMost.times === 1 ? 'once' : `${atMost.times} times`} in ${atMost.withinMs / 60_000} minutes`,
    common && 'one at a time when many end so',
    forgetCredentials && 'its saved login is deleted',
  ];
  return told.filter(Boolean).join('; ');
}

/** The table as markdown. */
export function reasonTable(): string {
  const rows = rules.map(([reason, rule]) => `| \`${reason}\` | ${outcome(rule)} |`);
  return ['| reason | what comes of it |', '|---|---|', ...rows].join('\n');
}

/** The table as lines of text: the reasons of each outcome, wrapped. */
export function reasonNotes(): string[] {
  const reasonsOf = new Map<string, string[]>();
  for (const [reason, rule] of rules) {
    reasonsOf.set(outcome(rule), [...(reasonsOf.get(outcome(rule)) ?? []), reason]);
  }
  const notes = ['agent.down: why the session ended, and what comes of it'];
  for (const [told, reasons] of reasonsOf) {
    notes.push(`  ${told}:`);
    for (const reason of reasons) {
      const last = notes.at(-1)!;
      if (last.length + reason.length + 1 > LINE_LENGTH) notes.push(`    ${reason}`);
      else notes[notes.length - 1] = `${last} ${reason}`;
    }
  }
  return notes;
}
