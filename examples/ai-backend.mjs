// An AI backend for the gateway: Node and nothing else. To run it:
//   AGENT_KEY=sandbox-key node examples/ai-backend.mjs
//   AI_BACKEND_URL=http://127.0.0.1:8080 npm run sandbox
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';

/**
 * Where a real backend asks its model. `message` is the customer's text, `sessionId` the chat to keep a memory by,
 * `metadata` tells who writes. Gives the reply, or null to stay silent.
 */
export async function think({ message, metadata }) {
  if (!/open|buka/i.test(message)) return null;
  return `Hello ${metadata?.whatsapp_name ?? 'there'}, we are open from 8 to 17.`;
}

/** The backend as an HTTP server, not listening yet. `key` is the agent's: whoever has another one is refused. */
export function createBackend({ key, answer = think }) {
  return createServer(async (request, response) => {
    const send = (status, body) =>
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
    try {
      const isRun = request.method === 'POST' && /^\/agents\/[^/]+\/run$/.test(request.url);
      if (!isRun) send(404, { error: 'There is only POST /agents/{agentId}/run.' });
      else if (request.headers.authorization !== `Bearer ${key}`) send(401, { error: 'Wrong key.' });
      else send(200, { reply: await answer(await json(request)) });
    } catch (error) {
      // The gateway tells its developer's number; the customer hears nothing.
      console.error(error);
      send(500, { error: 'No answer this time.' });
    }
  });
}

if (process.argv[1] === import.meta.filename)
  createBackend({ key: process.env.AGENT_KEY }).listen(8080, '127.0.0.1');
