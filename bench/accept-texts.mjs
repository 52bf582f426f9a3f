import { setTimeout as sleep } from 'node:timers/promises';

// Has texts accepted at a steady pace, in a process of its own; prints the milliseconds that each took.

const [url, authorization, ms, every] = process.argv.slice(2);
const times = [];
for (const end = performance.now() + Number(ms); performance.now() < end; await sleep(Number(every))) {
  const startedAt = performance.now();
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer: 'respond-async', authorization },
    body: JSON.stringify({ to: '6281234567890', message: 'Halo!' }),
  });
  await answer.text();
  if (answer.status !== 202) throw new Error(`A text was answered with ${answer.status}.`);
  times.push(performance.now() - startedAt);
}
process.stdout.write(JSON.stringify(times));
