// Checks the wording: no word that has a better one in the field's terms (docs/decisions.md, 117), and no
// citation of a document that is not in the repository. A check that finds nothing would pass everything: so it fails,
// too, when it misses a planted word, finds no file in a folder, or has an exception that is not needed.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const FOLDERS = [
  'src',
  'test',
  'web',
  'bench',
  'scripts',
  'docs',
  'examples',
  'README.md',
  'README.id.md',
  '.env.example',
];

/** Forms of words, and what to write instead. Identifiers are read word by word: `onTold` is found, too. */
const WORDS = {
  'told, tell, tells, telling': 'reports, publishes, emits, returns',
  'hear, hears, heard, hearing': 'receives, is notified',
  'somebody, anybody, nobody, whoever': 'a noun, or the passive',
  'for ever, forever': 'permanently',
  'anew, comes back, came back': 'recreated, restarted, restored, reconnects',
  'is over, ends as, this path knows': 'ends, stops, outcome, allowed',
  'rests, resting, let go, lets go, letting go, give way, gives way, gave way':
    'idle; release, detach; yields to',
  'doubt, doubtful': 'indeterminate, unknown',
  'judge, judges, judged, verdict, verdicts': 'classify, decision',
  'stumble, stumbles, stumbled': 'crash, failure',
  'mute, mutes, offlines': 'unresponsive, probeTimeouts, offlineProbes',
  'owe, owes, owed, settlement, milestone, milestones': 'retry later, outcome, start waiters',
};

/** Documents that a reader of the repository does not have. */
const CITED =
  /\b(SPEC|XSTATE|WHATSAPP-WEB|WHATSAPP-DRIFT|CLUSTER\.md|(DESIGN|UX|PRD|FAULTS) (§|F?\d)|FAULTS\.md)/;

/** Lines where a listed word is the right one: the file, a piece of the line, and why. */
const ALLOWED = [
  ['scripts/check-words.mjs', '', 'the list itself'],
  ['src/infra/whatsapp/wwebjs/chromium.ts', '--mute-audio', 'a switch of Chromium'],
  ['test/app/replay.test.ts', 'resting', 'a state of a former chart'],
  ['test/support/stand-in/page/chats.js', 'mute', "a name of WhatsApp's page"],
  ['test/support/stand-in/page/contacts.js', 'getStatusMute', "a name of WhatsApp's page"],
  ['docs/troubleshooting.md', '`nobody`', 'a user of the system'],
  ['docs/id/troubleshooting.md', '`nobody`', 'a user of the system'],
];

const forms = Object.entries(WORDS).flatMap(([words, instead]) =>
  words.split(', ').map((word) => ({ word, instead, pattern: new RegExp(`\\b${word}\\b`, 'i') })),
);

/** What is wrong with a line. */
function faultsOf(line) {
  const words = line.replace(/([a-z\d])([A-Z])|_/g, '$1 $2');
  const found = forms.filter(({ pattern }) => pattern.test(words));
  const [cited] = CITED.exec(line) ?? [];
  return [
    ...found.map(({ word, instead }) => `“${word}”: ${instead}`),
    ...(cited ? [`“${cited}”: not in the repository`] : []),
  ];
}

/** What the generators write is checked where they take it from. */
const isWritten = (path) => /\.(ts|mjs|js|md|html|css|example)$/.test(path) && !/schema\.d\.ts$/.test(path);
const listing = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', ...FOLDERS]);
const files = String(listing).split('\n').filter(isWritten);

const faults = [];
const unneeded = new Set(ALLOWED);
for (const path of files) {
  for (const [index, line] of readFileSync(path, 'utf8').split('\n').entries()) {
    const found = faultsOf(line);
    if (found.length === 0) continue;
    const allowed = ALLOWED.find(([file, piece]) => file === path && line.includes(piece));
    if (allowed) unneeded.delete(allowed);
    else faults.push(...found.map((fault) => `${path}:${index + 1}: ${fault}`));
  }
}

const planted = [
  ...forms.flatMap(({ word }) => [
    `It ${word} it.`,
    `on${word.charAt(0).toUpperCase()}${word.slice(1)}Once()`,
  ]),
  ...['(SPEC §3)', '(FAULTS F20)', 'XSTATE.md', 'UX §4', 'DESIGN §1'],
];
faults.push(
  ...planted.filter((line) => faultsOf(line).length === 0).map((line) => `not found where planted: ${line}`),
  ...FOLDERS.filter((folder) => !files.some((path) => path.startsWith(folder))).map(
    (name) => `no file in ${name}`,
  ),
  ...[...unneeded].map(([path, piece]) => `not needed: the exception for “${piece}” in ${path}`),
);
for (const fault of faults) console.error(`words: ${fault}`);
if (faults.length > 0) process.exit(1);
console.log(`words: ${files.length} files, ${forms.length} words, none found`);
