// An AI backend for the gateway: Node and nothing else. To run it:
//   AGENT_KEY=sandbox-key node examples/ai-backend.mjs
//   AI_BACKEND_URL=http://127.0.0.1:8080 npm run sandbox
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';

/**
 * A real backend calls its model here. `message` is the customer's text, `sessionId` identifies the conversation,
 * `metadata` the customer. Returns the answer: a `reply`, further `messages`, `handoff` to a person, or nothing of these.
 */
export async function think({ message, metadata }) {
  if (/person|orang/i.test(message)) return { reply: 'A colleague will write to you here.', handoff: true };
  if (!/open|buka/i.test(message)) return {};
  return { reply: `Hello ${metadata?.whatsapp_name ?? 'there'}, we are open from 8 to 17.` };
}

/** The backend as an HTTP server, not listening yet. Requests without `key`, the agent's API key, are refused. */
export function createBackend({ key, answer = think }) {
  return createServer(async (request, response) => {
    const send = (status, body) =>
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
    try {
      const isRun = request.method === 'POST' && /^\/agents\/[^/]+\/run$/.test(request.url);
      if (!isRun) send(404, { error: 'Not found; available: POST /agents/{agentId}/run.' });
      else if (request.headers.authorization !== `Bearer ${key}`) send(401, { error: 'Wrong key.' });
      else send(200, await answer(await json(request)));
    } catch (error) {
      // The gateway reports it to the developer's number; the customer gets no message.
      console.error(error);
      send(500, { error: 'The reply failed.' });
    }
  });
}

if (process.argv[1] === import.meta.filename)
  createBackend({ key: process.env.AGENT_KEY }).listen(8080, '127.0.0.1');
