import type { Operation } from '../../http/operation.ts';
import type { Control } from './control.ts';
import { networkOperations } from './network-operations.ts';
import { peopleOperations } from './people-operations.ts';
import { phoneOperations } from './phone-operations.ts';

/** The control API of the simulated WhatsApp, under `/sandbox`: every button of the phone page, for scripts. */
export const CONTROL_OPERATIONS: Operation<Control>[] = [
  ...phoneOperations,
  ...peopleOperations,
  ...networkOperations,
];

/** The head of its OpenAPI document. */
export const CONTROL_ABOUT = {
  title: 'Sandbox of the WhatsApp gateway',
  description: `The simulated WhatsApp: you are the phones, the customers and the network, and you move the clock.
Only there when the service runs with \`WHATSAPP_DRIVER=sandbox\`.`,
  tags: {
    phones: 'Link phones, write to agents, break their lines.',
    people: 'All people on the network, and their groups.',
    network: 'What is transmitted, and settings.',
    script: 'The clock, and resets: for tests.',
  },
};
