// Checks who may import whom, folder by folder (docs/decisions.md, “Folders”). A check that sees nothing would pass
// everything: so it fails, too, when it misses a file, when a rule matches no module, when an import that has to be
// there, a planted circle or a planted second file of one name is not seen, and when there is a folder that no rule
// knows.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path/posix';
import { cruise } from 'dependency-cruiser';

/** The folders of the actors, top to bottom: each may import those below it. */
const LAYERS = ['gateway', 'agent', 'inbound', 'outbound', 'session', 'statechart', 'domain'];

/** The rooms of infra/, and which others each may import. */
const INFRA = {
  ai: ['net'],
  files: [],
  logging: [],
  media: ['files', 'net'],
  metrics: [],
  net: [],
  ownership: ['postgres'],
  postgres: [],
  webhooks: ['net'],
  whatsapp: [],
};

/** Folders inside rooms; a new one needs a line here, a rule, and a reason in docs/decisions.md. */
const INNER = [
  'src/actors/domain/ports',
  'src/infra/postgres/stores',
  'src/infra/postgres/embedded',
  'src/infra/whatsapp/wwebjs',
  'src/infra/whatsapp/wwebjs/page',
  'src/sandbox/network',
  'src/sandbox/driver',
  'src/sandbox/control-api',
  'src/sandbox/remote',
  'src/http/middleware',
  'src/http/openapi',
  'src/http/pages',
  'src/http/routes',
  'src/http/routes/agents',
  'src/http/routes/cloud-api',
  'src/http/sse',
];

/** The browser pages. */
const PAGES = ['inspector', 'phone'];

const FOLDERS = [
  'src',
  'src/http',
  'src/infra',
  'src/sandbox',
  ...LAYERS.map((layer) => `src/actors/${layer}`),
  ...Object.keys(INFRA).map((room) => `src/infra/${room}`),
  ...INNER,
  'web',
  'web/shared',
  ...PAGES.map((page) => `web/${page}`),
];

/** Each layer of the actors imports nothing that stands above it. */
const layerRules = LAYERS.slice(1).map((layer, index) => ({
  name: `actors-${layer}-imports-downwards`,
  from: { path: `^src/actors/${layer}/` },
  to: { path: `^src/actors/(${LAYERS.slice(0, index + 1).join('|')})/` },
}));

/** Each room of infra imports no other room than those of the table. */
const infraRules = Object.entries(INFRA).map(([room, others]) => ({
  name: `infra-${room}-imports`,
  from: { path: `^src/infra/${room}/` },
  to: { path: '^src/infra/[^/]+/', pathNot: [room, ...others].map((each) => `^src/infra/${each}/`) },
}));

const rules = [
  {
    name: 'actors-stand-alone',
    comment: 'actors/ imports xstate, eventemitter3, node and itself',
    from: { path: '^src/actors/' },
    to: {
      pathNot: ['^src/actors/', '(^|/)node_modules/(xstate|eventemitter3)/'],
      dependencyTypesNot: ['core'],
    },
  },
  ...layerRules,
  {
    name: 'ports-import-types-of-the-domain-only',
    from: { path: '^src/actors/domain/ports/' },
    to: {
      path: '^src/',
      pathNot: [
        '^src/actors/domain/ports/',
        '^src/actors/domain/(identity|message-content|chats|settings)\\.ts$',
      ],
    },
  },
  {
    name: 'http-knows-the-domain-only',
    comment:
      'http/ knows the gateway by its API, its events and its errors; shared are the words of refusals, and the schemas of contents, which requests and the answers of the AI have in common',
    from: { path: '^src/http/' },
    to: {
      path: ['^src/infra/', '^src/sandbox/', '^src/actors/'],
      pathNot: [
        '^src/actors/domain/',
        '^src/infra/(zod-error-map|content-schemas|cloud-ids|cloud-errors)\\.ts$',
      ],
    },
  },
  {
    name: 'infra-implements-ports',
    comment: 'infra/ knows the domain, and the ports of http/ that it implements',
    from: { path: '^src/infra/' },
    to: {
      path: ['^src/actors/', '^src/http/', '^src/sandbox/'],
      pathNot: ['^src/actors/domain/', '^src/http/ports\\.ts$'],
    },
  },
  ...infraRules,
  {
    name: 'stores-know-no-embedded-server',
    from: { path: '^src/infra/postgres/stores/' },
    to: { path: '^src/infra/postgres/embedded/' },
  },
  {
    name: 'sandbox-implements-ports',
    comment: 'sandbox/ knows the domain, the host’s clock, and what its backend is opened with',
    from: { path: '^src/sandbox/' },
    to: {
      path: ['^src/actors/', '^src/infra/'],
      pathNot: [
        '^src/actors/domain/',
        '^src/infra/(config|host-clock)\\.ts$',
        '^src/infra/whatsapp/whatsapp-backend\\.ts$',
      ],
    },
  },
  {
    name: 'simulated-network-is-below',
    comment: 'the simulated WhatsApp knows neither its driver nor its control API, and nothing of http/',
    from: { path: '^src/sandbox/network/' },
    to: { path: ['^src/sandbox/(driver|control-api)/', '^src/http/'] },
  },
  {
    name: 'sandbox-driver-knows-the-network-only',
    from: { path: '^src/sandbox/driver/' },
    to: { path: ['^src/sandbox/control-api/', '^src/http/'] },
  },
  {
    name: 'only-app-knows-all',
    comment: 'nothing imports app.ts but main.ts and tests',
    from: { path: '^src/', pathNot: '^src/main\\.ts$' },
    to: { path: '^src/app\\.ts$' },
  },
  {
    name: 'web-knows-shapes-only',
    comment: 'web/ takes types of what the service responds with',
    from: { path: '^web/' },
    to: { path: '^src/', pathNot: ['^src/actors/domain/', '^src/http/openapi/', '^src/sandbox/'] },
  },
  { name: 'service-knows-no-page', from: { path: '^src/' }, to: { path: '^web/' } },
  ...PAGES.map((page) => ({
    name: `web-${page}-stands-alone`,
    from: { path: `^web/${page}/` },
    to: { path: '^web/', pathNot: ['^web/shared/', `^web/${page}/`] },
  })),
  { name: 'web-shared-is-below', from: { path: '^web/shared/' }, to: { path: '^(src/|web/(?!shared/))' } },
  { name: 'no-circles', comment: 'data flows one way', from: {}, to: { circular: true } },
];

/** What the rules find below these folders of `baseDir`. */
async function check(folders, baseDir = process.cwd()) {
  const options = {
    ruleSet: { forbidden: rules.map((rule) => ({ ...rule, severity: 'error' })) },
    validate: true,
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    baseDir,
  };
  const resolve = { extensions: ['.ts', '.js'], conditionNames: ['import', 'node', 'default'] };
  return (await cruise(folders, options, resolve, {})).output;
}

/** Whether a circle of types between two modules, planted in a folder of its own, is found. */
async function seesCircle() {
  const folder = mkdtempSync(join(tmpdir(), 'circle-'));
  try {
    writeFileSync(
      join(folder, 'one.ts'),
      "import type { Other } from './other.ts';\nexport type One = Other;\n",
    );
    writeFileSync(
      join(folder, 'other.ts'),
      "import type { One } from './one.ts';\nexport type Other = One;\n",
    );
    const { summary } = await check(['.'], folder);
    return summary.violations.some(({ rule }) => rule.name === 'no-circles');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The files of src/ that have the name of one before them: one basename, one meaning. */
function namesakes(paths) {
  const files = paths.filter((path) => path.startsWith('src/'));
  const names = files.map((path) => basename(path));
  return files.filter((_path, index) => names.indexOf(names[index]) < index);
}

const output = await check(['src', 'web']);

const modules = output.modules.filter(({ source }) => /^(src|web)\//.test(source));
const sources = modules.map((module) => module.source);
const onDisk = ['src', 'web']
  .flatMap((root) => readdirSync(root, { recursive: true, withFileTypes: true }))
  .filter((entry) => entry.isFile())
  .map((entry) => `${entry.parentPath}/${entry.name}`);

/** True when a pattern, or one of several, matches a module. */
const matchesAny = (patterns) =>
  [patterns].flat().some((one) => sources.some((path) => new RegExp(one).test(path)));

/** The folders of code. */
const folders = [...new Set(onDisk.filter((path) => /\.[jt]s$/.test(path)).map((path) => dirname(path)))];
const seen = new Set(
  modules.flatMap(({ source, dependencies }) =>
    dependencies.map(({ resolved }) => `${dirname(source)} → ${dirname(resolved)}`),
  ),
);

const blind = [
  ...onDisk
    .filter((path) => path.endsWith('.ts') && !sources.includes(path))
    .map((path) => `${path} is not seen`),
  ...rules
    .filter(({ from, to }) => [from.path, to.path].some((path) => path && !matchesAny(path)))
    .map(({ name }) => `the rule ${name} matches no module`),
  ...LAYERS.slice(0, -1)
    .map((layer) => `src/actors/${layer} → src/actors/domain`)
    .filter((arrow) => !seen.has(arrow))
    .map((arrow) => `${arrow} is not seen`),
  ...folders
    .filter((folder) => !FOLDERS.includes(folder))
    .map((folder) => `no rule knows the folder ${folder}`),
  ...FOLDERS.filter((folder) => !folders.includes(folder)).map((folder) => `there is no folder ${folder}`),
  ...onDisk
    .filter((path) => dirname(path) === 'src' && !/\/(main|app)\.ts$/.test(path))
    .map((path) => `${path} lies outside of the folders`),
  ...namesakes(onDisk).map((path) => `${path}: another file of src has this name`),
  ...((await seesCircle()) ? [] : ['a planted circle is not seen']),
  ...(namesakes([...onDisk, 'src/http/main.ts']).includes('src/http/main.ts')
    ? []
    : ['a planted second main.ts is not seen']),
];
for (const fault of blind) console.error(`arrows: ${fault}`);
for (const { rule, from, to } of output.summary.violations)
  console.error(`arrows: ${rule.name}: ${from} → ${to}`);
if (blind.length + output.summary.violations.length > 0) process.exit(1);
console.log(
  `arrows: ${modules.length} modules in ${folders.length} folders, ${rules.length} rules, no violation`,
);
