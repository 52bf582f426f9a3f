import { expect } from 'chai';
import { eventually } from './eventually.ts';
import { withDatabase } from './postgres.ts';
import { SandboxApi } from './sandbox-api.ts';
import { type Service, type ServiceOptions, startService } from './service.ts';

/** The reproducible part of a line of the wire log. */
export interface Wire {
  kind: string;
  account: string | null;
  detail: Record<string, unknown>;
}

/** A message on a phone. */
interface Message {
  id: string;
  body: string;
  ack: number;
  fromMe: boolean;
}

/** A service on the simulated network whose clock, phones and people are controlled over HTTP. */
class ScriptedSandbox extends SandboxApi {
  readonly url: string;

  constructor(url: string) {
    super();
    this.url = url;
  }

  /** Advances the clock. */
  async advance(advanceMs: number): Promise<void> {
    expect((await this.call('POST', '/sandbox/clock', { advanceMs })).status).to.equal(200);
  }

  /** Controls a phone of the sandbox. */
  phone(agentId: string, what: string, body: object = {}) {
    return this.call('POST', `/sandbox/phones/${agentId}/${what}`, body);
  }

  /** Changes the settings of the simulated WhatsApp. */
  async configure(settings: object): Promise<void> {
    expect((await this.call('POST', '/sandbox/settings', settings)).status).to.equal(200);
  }

  /** Sends a text as an agent and waits for its outcome. */
  send(agentId: string, to: string, message: string) {
    return this.call('POST', `/agents/${agentId}/messages`, { to, message });
  }

  /** The messages on a phone. */
  async messagesOf(number: string): Promise<Message[]> {
    const { body } = await this.call('GET', `/sandbox/people/${number}/messages?limit=1000`);
    return body as unknown as Message[];
  }

  /** The newest message of an agent's chat with a number. */
  async newest(agentId: string, number: string): Promise<Message | undefined> {
    const chat = encodeURIComponent(`${number}@c.us`);
    const { body } = await this.call('GET', `/sandbox/phones/${agentId}/messages?chat=${chat}&limit=1`);
    return (body as unknown as Message[])[0];
  }

  /** Waits until the newest message of a chat has this many ticks. */
  async ticks(agentId: string, number: string, ack: number): Promise<void> {
    await eventually(`${ack} ticks`, async () => (await this.newest(agentId, number))?.ack === ack);
  }

  /** Waits until an agent is in a state; returns its session. */
  state(agentId: string, status: string) {
    return eventually(`${agentId} to be ${status}`, async () => {
      const { body } = await this.call('GET', `/sessions/${agentId}`);
      return body.status === status && body;
    });
  }
}

/** Service and API of a suite, from its first hook on. */
interface ScriptedSuite {
  service: Service;
  api: ScriptedSandbox;
}

/** Registers a service on the sandbox driver; before each test its network is reset, and `bot` linked to `number`. */
export function withScriptedSandbox(number: string, options: ServiceOptions = {}): ScriptedSuite {
  const database = withDatabase();
  const suite = {} as ScriptedSuite;
  before(async () => {
    suite.service = await startService(database(), options);
    suite.api = new ScriptedSandbox(suite.service.app.url);
  });
  after(() => suite.service?.close());
  beforeEach(async () => {
    expect((await suite.api.call('POST', '/sandbox/reset', { seed: 'test' })).status).to.equal(200);
    await suite.api.link('bot', number);
  });
  return suite;
}
