import { goalText, head, spread } from './machine.ts';
import type { Goal } from './publish.ts';
import { median } from './rounds.ts';

/** MB of one round by number of sessions: PSS, and its file-backed part. */
export interface Sizes {
  counts: readonly number[];
  pss: number[];
  file: number[];
}

/** One way to launch browsers. */
export interface Variant {
  name: string;
  rounds: Sizes[];
}

/** Measured without an argument; without a name: with all of them. */
export interface ArgumentRow {
  name: string | undefined;
  rounds: Sizes[];
}

const GOAL = 0.55;

/** MB of the first session in each round. */
const first = (rounds: Sizes[]) => rounds.map(({ pss }) => pss[0]!);

/** MB of each further session in each round. */
function further(rounds: Sizes[], field: 'pss' | 'file' = 'pss'): number[] {
  return rounds.map((round) => {
    const values = round[field];
    return (values.at(-1)! - values[0]!) / (round.counts.at(-1)! - round.counts[0]!);
  });
}

/** One variant's row of the table. */
function variantRow({ name, rounds }: Variant, base: Variant): string {
  const one = median(first(rounds)) / median(first(base.rounds));
  const more = median(further(rounds)) / median(further(base.rounds));
  const totals = rounds[0]!.counts.map((_, index) => spread(rounds.map(({ pss }) => pss[index]!)));
  const figures = [...totals, spread(further(rounds)), one.toFixed(2), more.toFixed(2)];
  return `| ${name} | ${figures.join(' | ')} |`;
}

/** The goals of the variants with our arguments, relative to the library's defaults. */
export function chromiumGoals(variants: Variant[]): Goal[] {
  const base = variants[0]!;
  const ours = variants.filter(({ name }) => name.includes('our'));
  return ours.flatMap(({ name, rounds }) =>
    (
      [
        ['the first session', first],
        ['each further one', further],
      ] as const
    ).map(([what, of]) => {
      const ratio = median(of(rounds)) / median(of(base.rounds));
      return {
        what: `${name}, ${what}`,
        measured: ratio.toFixed(2),
        wanted: String(GOAL),
        isReached: ratio <= GOAL,
      };
    }),
  );
}

/** Sessions that fit into some GB; a quarter is reserved for everything else. */
function capacityRow({ name, rounds }: Variant): string {
  const [one, more] = [median(first(rounds)), median(further(rounds))];
  const fits = (gigabytes: number) => Math.max(0, 1 + Math.floor((gigabytes * 750 - one) / more));
  return `| ${name} | ${(1000 / more).toFixed(1)} | ${[2, 4, 8, 16, 32].map(fits).join(' | ')} |`;
}

/** One argument's row: additional MB of a first and a further session without it. */
function argumentRow({ name, rounds }: ArgumentRow, all: ArgumentRow): string {
  const difference = (values: (rounds: Sizes[]) => number[]) => {
    const more = median(values(rounds)) - median(values(all.rounds));
    return `${more < 0 ? '−' : '+'}${Math.abs(more).toFixed(0)}`;
  };
  return `| \`${name}\` | ${difference(first)} | ${difference(further)} |`;
}

/** The results as the text of CHROMIUM.md. */
export function chromiumReport(
  variants: Variant[],
  argumentsLeftOut: ArgumentRow[],
  version: string,
): string {
  const [base, ours] = variants as [Variant, Variant];
  const [all, ...without] = argumentsLeftOut as [ArgumentRow, ...ArgumentRow[]];
  const fileOfFirst = median(ours.rounds.map(({ file }) => file[0]!));
  const counts = base.rounds[0]!.counts;
  return `# What a session costs in memory

${head('bench:chromium')}
${version}.

Each session is a Chromium of its own, linked to the stand-in of web.whatsapp.com in \`test/support/stand-in\`, and
idle. MB are 10⁶ bytes of PSS over all processes of all browsers, shared pages counted proportionally
(\`smaps_rollup\`). The variants took turns; median (min … max) of ${base.rounds.length} rounds. No other process of the same program
ran, which would have shared its pages.

| | ${counts.map((count) => (count === 1 ? '1 session' : `${count} sessions`)).join(' | ')} | each further one | ratio, first | ratio, further |
|---|${counts.map(() => '---|').join('')}---|---|---|
${variants.map((variant) => variantRow(variant, base)).join('\n')}

The goal is ${GOAL} × of whatsapp-web.js's defaults:

${chromiumGoals(variants)
  .map(({ what, measured, isReached }) => `- ${what}: ${measured}, ${goalText(isReached)}.`)
  .join('\n')}

**Why the first session is not smaller in Chromium**: ${fileOfFirst.toFixed(0)} MB of its ${median(first(ours.rounds)).toFixed(0)} are file pages, nearly all of Chromium's own
program (297 MB on disk). They exist once for any number of sessions, and the kernel can drop and reread them.
No argument makes the program smaller; the headless shell is a smaller program.

## What each argument gives

Additional MB when only this argument is left out. Median of ${all.rounds.length} rounds with 1 and 3 sessions; differences
below 3 MB are noise.

| left out | first session | each further one |
|---|---|---|
${without.map((row) => argumentRow(row, all)).join('\n')}

Some depend on each other: without \`--in-process-gpu\` there is a GPU process, and then the process that it is forked
from saves more than it costs. Tried and left out without an effect here: \`--enable-low-end-device-mode\`,
\`--js-flags=--lite-mode\` (2 MB, and slower code), \`--app\`, \`--disable-features=SpareRendererForSitePerProcess\`. And
\`--no-zygote\`, which costs about 28 MB a session because the processes then share nothing.

## How many sessions fit

On the stand-in's page, which takes no memory. **WhatsApp's own page comes on top**, with its code and the account's
chats, whatever the arguments; so this is an upper bound, not a plan. Plan with \`wa_chromium_memory_bytes\` of a few
real sessions. A quarter of the memory is reserved for the system, the service and the database.

| | per further GB | in 2 GB | 4 GB | 8 GB | 16 GB | 32 GB |
|---|---|---|---|---|---|---|
${variants.map(capacityRow).join('\n')}

## The headless shell

\`chromium-headless-shell\` (a Debian package, and part of Chrome for Testing) is Chromium without its window. The service
uses it when configured, with no other change:

    PUPPETEER_EXECUTABLE_PATH=/usr/lib/chromium/chromium-headless-shell

Give the path of the program itself: Debian's \`/usr/bin/chromium-headless-shell\` is a shell script that stays between the
service and the browser, so a killed browser would keep running. The risks, because of which it is not the default:

- **Any page can distinguish it from a desktop Chrome.** The user agent is the library's in both, but the
  shell has other client hints, fonts and plugins. WhatsApp may treat such a client differently, now or later. Try it on
  a number that you can afford to lose.
- **No profile lock.** Chromium refuses a profile that another one uses; the shell doesn't. The service's own lock on
  \`WWEBJS_AUTH_DIR\` keeps a second service out, but not a shell started by hand.
- It was run through the driver's suite, the stand-in's and the browser-death faults once: only the test of Chromium's
  profile lock fails, as there is none.
`;
}
