// Flowise as the AI of an agent (docs/ai-platforms.md). To run it:
//   AGENT_KEY=… FLOWISE_URL=http://127.0.0.1:3000/api/v1/prediction/<flow id> FLOWISE_KEY=… node examples/flowise-bridge.mjs
import { serve } from './ai-backend.mjs';

const { FLOWISE_URL, FLOWISE_KEY } = process.env;

/** Asks the flow about a message and its images; each chat is a session with a memory of its own. */
async function ask({ message, sessionId, attachments = [] }) {
  const uploads = attachments.filter(({ type, error }) => type === 'image' && !error).map(toUpload);
  if (message === '' && uploads.length === 0) return {};
  const response = await fetch(FLOWISE_URL, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      ...(FLOWISE_KEY && { Authorization: `Bearer ${FLOWISE_KEY}` }),
    },
    body: JSON.stringify({
      question: message || '(image)',
      streaming: false,
      overrideConfig: { sessionId },
      ...(uploads.length > 0 && { uploads }),
    }),
  });
  if (!response.ok) throw new Error(`Flowise answered ${response.status}.`);
  const { text } = await response.json();
  return { reply: text };
}

/** An image in Flowise's form: with `AI_MEDIA=base64` its bytes, else the link. */
function toUpload({ mimeType: mime, fileName: name = 'image', url, data }) {
  if (data) return { type: 'file', name, mime, data: `data:${mime};base64,${data}` };
  return { type: 'url', name, mime, data: url };
}

serve(ask);
