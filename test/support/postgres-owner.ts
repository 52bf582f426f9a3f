import { startEmbeddedPostgres } from '../../src/infra/postgres/embedded/embedded.ts';

// A process that owns an embedded server until it is killed; prints `ready`.

const server = await startEmbeddedPostgres({ dataDir: process.argv[2]! });
process.stdout.write('ready\n');
process.stdin.resume().once('end', () => void server.stop());
