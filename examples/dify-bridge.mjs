// Dify as the AI of an agent (docs/ai-platforms.md). To run it:
//   AGENT_KEY=… DIFY_URL=https://api.dify.ai/v1 DIFY_KEY=app-… node examples/dify-bridge.mjs
import { serve } from './ai-backend.mjs';

const { DIFY_URL, DIFY_KEY } = process.env;

/** Asks the app about a message and its images; each chat is a user with one conversation. */
async function ask({ message, sessionId: user, attachments = [] }) {
  const images = attachments.filter(({ type, url }) => type === 'image' && url);
  if (message === '' && images.length === 0) return {};
  const { answer } = await call('/chat-messages', {
    inputs: {},
    query: message || '(image)',
    response_mode: 'blocking',
    user,
    conversation_id: await conversationOf(user),
    ...(images.length > 0 && {
      files: images.map(({ url }) => ({ type: 'image', transfer_method: 'remote_url', url })),
    }),
  });
  return { reply: answer };
}

/** The user's latest conversation, or '', which begins one: Dify keeps them, so a restart of the bridge loses none. */
async function conversationOf(user) {
  const { data } = await call(`/conversations?${new URLSearchParams({ user, limit: '1' })}`);
  return data[0]?.id ?? '';
}

/** One call of Dify's API: a POST if there is a body. */
async function call(path, body) {
  const response = await fetch(DIFY_URL + path, {
    method: body ? 'POST' : 'GET',
    headers: { Authorization: `Bearer ${DIFY_KEY}`, 'Content-Type': 'application/json' },
    body: body && JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`Dify answered ${response.status}.`);
  return await response.json();
}

serve(ask);
