import { el } from '../shared/dom.ts';
import type { Actions } from './actions.ts';
import { type AgentSpec, curlOf } from './http-call.ts';

const FIRST: AgentSpec = { userId: 1, agentId: 'demo', agentName: 'Demo', apiKey: 'sandbox-key' };

/** The first steps, shown while there is no agent: as buttons, and as a cURL command. */
export function welcome(actions: Actions): HTMLElement {
  const { apiKey, ...rest } = FIRST;
  const body = { ...rest, apikey: apiKey };
  const curl = curlOf({ method: 'POST', path: '/sessions', body }, location.origin);
  const demo = el('button', { type: 'button', class: 'big' }, 'Create a demo');
  demo.addEventListener('click', () => void actions.seed());
  const create = el('button', { type: 'button', class: 'primary big' }, 'Create the agent “Demo”');
  create.addEventListener('click', () => {
    create.disabled = true;
    void actions.createAgent(FIRST).finally(() => {
      create.disabled = false;
    });
  });
  const steps = [
    'Create an agent: one WhatsApp number of your service.',
    "Scan its code with the agent's phone.",
    'Write to it as a customer and read the answer.',
  ];
  return el(
    'section',
    { id: 'welcome', class: 'panel', 'aria-label': 'First steps' },
    el('h1', {}, 'Your WhatsApp, without WhatsApp'),
    el('p', {}, 'Here you play both sides: the customers who write, and the phone that owns your number.'),
    el('ol', {}, ...steps.map((step) => el('li', {}, step))),
    el('div', { class: 'buttons' }, create, demo),
    el('p', {}, 'Or from a script:'),
    el(
      'code',
      { class: 'block', tabindex: '0', role: 'region', 'aria-label': 'cURL: create an agent' },
      curl,
    ),
  );
}
