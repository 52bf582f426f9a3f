import { lockFolder } from '../../src/infra/ownership/folder-lock.ts';

// A process that holds a folder, to be killed: it says `held` and then only waits.

await lockFolder(process.argv[2]!);
console.log('held');
process.stdin.resume();
