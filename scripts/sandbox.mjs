// `npm run sandbox`: the service on the simulated WhatsApp with a demo. The log on stdout is JSON; texts for people go
// to stderr.
process.env.WHATSAPP_DRIVER = 'sandbox';
// Overrides the real data of a `.env`, so that no agent or text of the sandbox is ever used for real.
process.env.DATA_DIR ||= './data/sandbox';
process.env.DB_URL ??= '';
const { app } = await import('../dist/main.js');
const { DEMO } = await import('../dist/sandbox/control-api/demo.js');

/** Creates the demo; returns the error message, or null. */
async function seed() {
  const token = process.env.SESSIONS_TOKEN;
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const answer = await fetch(`${app.url}/sandbox/seed`, { method: 'POST', headers });
  return answer.ok ? null : (await answer.json()).error.message;
}

/** The text shown after the start. */
function welcome(fault) {
  const { linked, awaiting, key } = DEMO;
  const agents = fault
    ? `The demo agents could not be created: ${fault}`
    : `The agent \`${linked.agentId}\` is linked, \`${awaiting.agentId}\` waits for its scan on the phone page.`;
  return `
  SANDBOX: WhatsApp is simulated, and nothing leaves this machine.

  Phone      ${app.url}/sandbox/phone
  Inspector  ${app.url}/inspector
  API docs   ${app.url}/docs
  Metrics    ${app.url}/metrics
  API        ${app.url}

  ${agents}
  Your first message goes to a number that answers "pong":

curl ${app.url}/agents/${linked.agentId}/messages \\
  -H 'Authorization: Bearer ${key}' -H 'Content-Type: application/json' \\
  -d '{"to": "+15550000004", "message": "ping"}'
`;
}

console.error(welcome(await seed()));
