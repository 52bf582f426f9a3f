// An AI backend for the gateway: Node and nothing else. To run it:
//   AGENT_KEY=sandbox-key node examples/ai-backend.mjs
//   AI_BACKEND_URL=http://127.0.0.1:8080 AI_INBOUND_TYPES=text,image,audio,video,document npm run sandbox
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';

/**
 * A real backend calls its model here. `message` is the customer's text, or what was said in a voice note; `attachments`
 * has the files, `history` what passed while a person had the chat, `metadata` the customer. `sessionId` identifies the
 * conversation. Returns the answer: a `reply`, further `messages`, `handoff` to a person, or nothing of these.
 */
export async function think({ message, attachments = [], history = [], metadata }) {
  if (/\b(agent|human|person|orang)\b/i.test(message))
    return { reply: 'A colleague will write to you here.', handoff: true };
  const lines = await Promise.all(attachments.map(describe));
  const colleague = history.findLast(({ by, text }) => by === 'human' && text !== '');
  if (colleague) lines.push(`My colleague wrote to you: “${colleague.text}”`);
  if (/open|buka/i.test(message))
    lines.push(`Hello ${metadata?.whatsapp_name ?? 'there'}, we are open from 8 to 17.`);
  return lines.length > 0 ? { reply: lines.join('\n') } : {};
}

/** What there is to say of a file, once its bytes are known to be the right ones. */
async function describe({ type, voice, fileName, mimeType, sha256, transcript, error, ...source }) {
  const kind = voice ? 'voice note' : type;
  if (error) return `I could not open your ${kind}. ${error.message}`;
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of await open(source)) {
    hash.update(chunk);
    size += chunk.length;
  }
  if (hash.digest('hex') !== sha256) throw new Error('The file is not the one that was announced.');
  const named = fileName ? ` “${fileName}”` : '';
  const spoken = transcript?.text ? `, saying “${transcript.text}”` : '';
  return `I got your ${kind}${named}: ${mimeType}, ${size} bytes${spoken}.`;
}

/** The bytes of a file: in the request with `AI_MEDIA=base64`, else behind a signed link that needs no key. */
async function open({ data, url }) {
  if (data) return [Buffer.from(data, 'base64')];
  const response = await fetch(url);
  if (!response.ok) throw new Error(`The link to the file answered ${response.status}.`);
  return response.body;
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

/** Answers on this machine's port `PORT` for the agent whose API key is `AGENT_KEY`. */
export function serve(answer) {
  const { AGENT_KEY: key, PORT = '8080' } = process.env;
  if (!key) throw new Error('Set AGENT_KEY to the API key of the agent.');
  const server = createBackend({ key, answer });
  server.listen(Number(PORT), '127.0.0.1', () =>
    console.log(`AI_BACKEND_URL=http://127.0.0.1:${server.address().port}`),
  );
}

if (process.argv[1] === import.meta.filename) serve(think);
