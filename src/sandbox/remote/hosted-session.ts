import type { Duplex } from 'node:stream';
import { toGatewayError } from '../../actors/domain/errors.ts';
import type { AgentRef } from '../../actors/domain/identity.ts';
import type { SandboxAgent } from '../control-api/phones.ts';
import { SandboxClient } from '../driver/sandbox-client.ts';
import type { SandboxNetwork } from '../network/network.ts';
import { EVENT_NAMES, type FromNetwork, type FromService, JsonLines } from './wire.ts';

const DEADLINES = { startMs: 30_000, callMs: 30_000 };

/** What a session reports to its host. */
export interface HostedSessionReports {
  onOpen(agentId: string): void;
  /** Its QR or its state has changed. */
  onChange(): void;
  /** It holds this token now. */
  onToken(token: string): void;
  /** It did something under this token. */
  onAct(token: string, act: string): void;
  onClose(): void;
}

/** One session of a service: a client of the simulated WhatsApp, driven over a socket and ended with it. */
export class HostedSession {
  readonly #network: SandboxNetwork;
  readonly #reports: HostedSessionReports;
  readonly #lines: JsonLines<FromService, FromNetwork>;
  #client: SandboxClient | null = null;
  #agent: AgentRef | null = null;
  #token: string | null = null;
  #qr: { code: string; issuedAt: number } | null = null;
  #isConnected = false;

  constructor(network: SandboxNetwork, socket: Duplex, reports: HostedSessionReports) {
    this.#network = network;
    this.#reports = reports;
    this.#lines = new JsonLines(socket, (message) => this.#take(message));
    socket.on('error', () => undefined).once('close', () => void this.#end());
  }

  /** False until its service has named the agent. */
  get isOpen(): boolean {
    return this.#agent !== null;
  }

  get qr(): { code: string; issuedAt: number } | null {
    return this.#qr;
  }

  /** The agent as the control API shows it. */
  get view(): SandboxAgent {
    const { agentId } = this.#agent ?? { agentId: '' };
    const status = this.#isConnected ? 'connected' : this.#qr ? 'awaiting_qr' : 'disconnected';
    return { agentId, agentName: agentId, status, reason: null };
  }

  close(): void {
    this.#lines.close();
  }

  /** Does what its service asks for. */
  #take(message: FromService): void {
    if (message.kind === 'open') this.#open(message.agent, message.token);
    else if (this.#token)
      this.#reports.onAct(this.#token, message.kind === 'call' ? message.name : message.kind);
    if (message.kind === 'call') void this.#call(message);
    else if (message.kind === 'download') void this.#download(message);
  }

  /** Creates the client, with the login that its service keeps. */
  #open(agent: AgentRef, token: string | null): void {
    if (this.#client) {
      this.close();
      return;
    }
    this.#agent = agent;
    this.#hold(token);
    const logins = {
      claim: () => undefined,
      of: () => this.#token,
      save: (_agent: AgentRef, issued: string) => {
        this.#hold(issued);
        // The network's own record is for the phone's page alone.
        this.#network.tokens.save(agent, issued);
        this.#lines.write({ kind: 'paired', token: issued });
      },
    };
    const client = new SandboxClient(this.#network, agent, logins, DEADLINES, () => undefined);
    this.#client = client;
    for (const name of EVENT_NAMES)
      client.events.on(name, (...args: unknown[]) => this.#lines.write({ kind: 'event', name, args }));
    client.events
      .on('qr', (code) => this.#show({ code, issuedAt: this.#network.clock.now() }, false))
      .on('ready', () => this.#show(null, true))
      .on('disconnected', () => this.#show(null, false));
    this.#reports.onOpen(agent.agentId);
  }

  #hold(token: string | null): void {
    this.#token = token;
    if (token) this.#reports.onToken(token);
  }

  #show(qr: { code: string; issuedAt: number } | null, isConnected: boolean): void {
    this.#qr = qr;
    this.#isConnected = isConnected;
    this.#reports.onChange();
  }

  /** Calls the client, and answers with what it returns or throws. */
  async #call({ id, name, args }: Extract<FromService, { kind: 'call' }>): Promise<void> {
    try {
      const method = this.#opened()[name] as (...args: unknown[]) => Promise<unknown>;
      this.#lines.write({ kind: 'result', id, value: await method.apply(this.#client, args) });
      if (name === 'destroy' || name === 'logout') this.#lines.end();
    } catch (error) {
      this.#fail(id, error);
    }
  }

  /** Answers with a file, in pieces. */
  async #download({ id, messageId, maxBytes }: Extract<FromService, { kind: 'download' }>): Promise<void> {
    const { signal } = new AbortController();
    try {
      for await (const piece of this.#opened().downloadMedia(messageId, { maxBytes, signal }))
        this.#lines.write({ kind: 'piece', id, base64: Buffer.from(piece).toString('base64') });
      this.#lines.write({ kind: 'result', id, value: null });
    } catch (error) {
      this.#fail(id, error);
    }
  }

  #fail(id: number, thrown: unknown): void {
    const { code, message, details } = toGatewayError(thrown);
    this.#lines.write({ kind: 'error', id, error: { code, message, details } });
  }

  /** @throws Error before `open` */
  #opened(): SandboxClient {
    if (this.#client) return this.#client;
    throw new Error('The session was not opened.');
  }

  /** Its service is gone, or has ended it. */
  async #end(): Promise<void> {
    await this.#client?.destroy();
    this.#reports.onClose();
  }
}
