// The part of the suite that needs no Chromium, no Postgres and no process of its own; safe to run in parallel.
module.exports = {
  ...require('./.mocharc.json'),
  parallel: true,
  jobs: 2,
  spec: [
    'test/{actors,http,sandbox}/**/*.test.ts',
    'test/infra/*.test.ts',
    'test/infra/{ai,files,logging,media}/!(folder-file-store|media-intake).test.ts',
    'test/infra/ownership/folder-lock.test.ts',
    'test/infra/metrics/gateway-reports.test.ts',
    'test/infra/whatsapp/**/!(profile)*.test.ts',
  ],
};
