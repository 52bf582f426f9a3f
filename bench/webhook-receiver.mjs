// The receivers of the bench of webhooks in a process of their own: `/hang` never answers, every other path answers 200.
// Asked by a message, it sends back how many milliseconds each event took since the question before.
import { createServer } from 'node:http';

const lags = [];
const server = createServer((req, res) => {
  const chunks = [];
  req.on('data', (chunk) => chunks.push(chunk));
  req.on('end', () => {
    if (req.url === '/hang') return;
    const now = performance.timeOrigin + performance.now();
    lags.push(now - JSON.parse(Buffer.concat(chunks)).data.writtenAt);
    res.end();
  });
});
server.listen(0, '127.0.0.1', () => process.send(server.address().port));
process.on('message', () => process.send(lags.splice(0)));
process.on('disconnect', () => process.exit());
