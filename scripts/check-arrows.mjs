// Checks who may import whom (README, “How it works”). A tool that sees no files would pass
// everything, so the number of modules seen is compared with the number of files on disk.
import { readdirSync } from 'node:fs';
import { cruise } from 'dependency-cruiser';

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
  {
    name: 'http-knows-the-protocol-only',
    comment: 'http/ knows of the actors their protocol, ports and errors, and nothing of infra/',
    from: { path: '^src/http/' },
    to: { path: ['^src/infra/', '^src/actors/(?!protocol|ports|errors)'] },
  },
  {
    name: 'infra-implements-ports',
    comment: 'infra/ knows the ports and the protocol that it implements',
    from: { path: '^src/infra/' },
    to: { path: ['^src/actors/(?!protocol|ports|errors|deadline)', '^src/http/(?!ports|idempotency-store)'] },
  },
  {
    name: 'only-app-knows-all',
    comment: 'nothing imports app.ts but main.ts and tests',
    from: { path: '^src/', pathNot: '^src/main\\.ts$' },
    to: { path: '^src/app\\.ts$' },
  },
  { name: 'no-circles', comment: 'data flows one way', from: {}, to: { circular: true } },
];

const { output } = await cruise(
  ['src'],
  {
    ruleSet: { forbidden: rules.map((rule) => ({ ...rule, severity: 'error' })) },
    validate: true,
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
  },
  { extensions: ['.ts', '.js'], conditionNames: ['import', 'node', 'default'] },
  {},
);

const seen = output.modules.filter((module) => module.source.startsWith('src/')).length;
const onDisk = readdirSync('src', { recursive: true }).filter((name) => String(name).endsWith('.ts')).length;
if (seen < onDisk) {
  console.error(`arrows: saw ${seen} of ${onDisk} files: the check is blind`);
  process.exit(1);
}
for (const { rule, from, to } of output.summary.violations)
  console.error(`arrows: ${rule.name}: ${from} → ${to}`);
if (output.summary.violations.length > 0) process.exit(1);
console.log(`arrows: ${seen} modules, no violation`);
