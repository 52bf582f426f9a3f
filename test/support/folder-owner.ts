import { lockFolder } from '../../src/infra/ownership/folder-lock.ts';

// A process that holds a folder until it is killed; prints `held`.

await lockFolder(process.argv[2]!);
console.log('held');
process.stdin.resume();
