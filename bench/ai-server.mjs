// The AI of the inbound bench, in its own process: records when each request arrived, and answers at once.
import { createServer } from 'node:http';

/** `[agentId, message id, text, nanoseconds of the machine's clock]` of each request. */
const calls = [];

const server = createServer((req, res) => {
  const at = String(process.hrtime.bigint());
  const chunks = [];
  req.on('data', (chunk) => chunks.push(chunk));
  req.on('end', () => {
    const { message, metadata } = JSON.parse(Buffer.concat(chunks).toString());
    calls.push([req.url.split('/')[2], metadata.message_id, message, at]);
    res.setHeader('content-type', 'application/json');
    res.end('{"reply":"Terima kasih, pesan Anda sudah kami terima."}');
  });
});
server.listen(0, '127.0.0.1', () => process.send(server.address().port));
process.on('message', () => process.send({ answer: calls.splice(0) }));
