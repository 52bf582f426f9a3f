import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect } from 'chai';
import { GatewayError } from '../../src/actors/domain/errors.ts';
import type { AgentRef } from '../../src/actors/domain/identity.ts';
import type { MediaContent, MediaDraft, MediaFile } from '../../src/actors/domain/message-content.ts';
import { createHttpApp } from '../../src/http/http-app.ts';
import type { ProblemBody } from '../../src/http/middleware/error-handler.ts';
import type { HttpDeps, MediaIntake } from '../../src/http/ports.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { SignedFileLinks } from '../../src/infra/files/signed-file-links.ts';
import { HOST_CLOCK } from '../../src/infra/host-clock.ts';
import { createLogger } from '../../src/infra/logging/logger.ts';
import { SealedSecrets } from '../../src/infra/webhooks/sealed-secrets.ts';
import { WebhookDirectory } from '../../src/infra/webhooks/webhook-directory.ts';
import { FakeSystem } from './fake-system.ts';
import { readLine } from './log-lines.ts';
import { MemoryFiles } from './memory-files.ts';
import { MemoryIdempotency } from './memory-idempotency.ts';
import { MemoryWebhooks } from './memory-webhooks.ts';
import { checkAnswer, cloudCheck } from './openapi-check.ts';
import { NO_CONTEXT } from './webhook-receiver.ts';

/** A parsed answer of the service under test. */
export interface Reply {
  status: number;
  headers: Headers;
  text: string;
  /** The JSON body; empty when there is none. `error` is there when the status says so. */
  body: AnswerBody;
}

interface AnswerBody {
  error: ProblemBody['error'];
  [field: string]: unknown;
}

/** An error of Meta's. */
interface CloudProblem {
  message: string;
  type: string;
  code: number;
  error_data: { messaging_product: string; details: string };
  fbtrace_id: string;
}

/** A parsed answer of the Cloud API. */
export interface CloudReply extends Omit<Reply, 'body'> {
  body: Omit<AnswerBody, 'error'> & { error: CloudProblem };
}

/** A request: `json` is serialised, `body` is sent as it is. */
export interface Ask {
  method?: string;
  headers?: Record<string, string>;
  key?: string;
  json?: unknown;
  body?: string | Buffer;
}

/** A request of the Cloud API, which may be a form. */
interface CloudAsk extends Ask {
  form?: FormData;
}

/** An intake that keeps the sources of its files only. */
class FakeIntake implements MediaIntake {
  readonly stored = new Set<string>();
  failure: GatewayError | null = null;

  async open(_agent: AgentRef, { source, filename, ...content }: MediaDraft): Promise<MediaContent> {
    if (this.failure) throw this.failure;
    const path = Object.entries(source)
      .find(([, value]) => value !== undefined)!
      .join(':');
    this.stored.add(path);
    const file: MediaFile = {
      path,
      mimetype: 'image/png',
      size: 68,
      sha256: '',
      ...(filename && { filename }),
    };
    return { ...content, file } as MediaContent;
  }

  async preview(): Promise<string> {
    return '/tmp/wwebjs/preview.png';
  }

  async discard(_agent: AgentRef, { path }: MediaFile): Promise<void> {
    this.stored.delete(path);
  }
}

/** Parses JIDs, and digits with or without the national 0: enough for these tests. */
function parseJid(text: string): string {
  if (/^\d+@(c\.us|g\.us|lid)$/.test(text)) return text;
  const digits = text
    .replace(/[\s().-]/g, '')
    .replace(/^\+/, '')
    .replace(/^0/, '62');
  if (!/^\d{8,15}$/.test(digits)) throw new Error('not a number');
  return `${digits}@c.us`;
}

/** The HTTP layer on a free port of 127.0.0.1, with fakes behind it. */
export class Harness {
  readonly system = new FakeSystem();
  readonly media = new FakeIntake();
  readonly files = new MemoryFiles();
  readonly idempotency = new MemoryIdempotency();
  readonly webhooks = new MemoryWebhooks();
  readonly stopping = new AbortController();
  readonly log: Record<string, unknown>[] = [];
  readonly observed: [string, string, number][] = [];
  dependencies: Record<string, string> = { database: 'ok' };
  /** Origins that webhooks may name although they are private. */
  receivers: string[] = [];
  server!: Server;
  port = 0;

  async start(changes: Partial<HttpDeps['settings']> = {}, more: Partial<HttpDeps> = {}): Promise<this> {
    const logger = createLogger('debug', { write: (line) => void this.log.push(readLine(line)) });
    const app = createHttpApp({
      settings: {
        HOST: '127.0.0.1',
        APP_BASE_URL: 'https://gateway.example',
        CORS_ORIGINS: [],
        DEFAULT_COUNTRY: 'ID',
        SEND_RATE_PER_MINUTE: 100,
        MAX_SESSIONS: 200,
        UPLOAD_BUDGET_MB: 128,
        MCP_WRITE: false,
        ...changes,
      },
      system: this.system,
      media: this.media,
      files: this.files,
      fileLinks: new SignedFileLinks({
        baseUrl: 'https://gateway.example',
        secret: 'secret',
        clock: { now: () => Date.now() },
      }),
      webhooks: await this.#openWebhooks(),
      idempotency: this.idempotency,
      parseJid,
      readiness: async () => this.dependencies,
      metricsText: async () => ({
        contentType: 'text/plain; version=0.0.4; charset=utf-8',
        body: 'wa_ready 1\n',
      }),
      logger,
      observer: {
        onStart: () => {},
        onRequest: (route, method, status) => void this.observed.push([route, method, status]),
        onIdempotency: () => {},
      },
      stopping: this.stopping.signal,
      ...more,
    });
    this.server = createHttpServer(app);
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = (this.server.address() as AddressInfo).port;
    this.system.add('bot', 'secret-key');
    return this;
  }

  /** The webhooks in memory, with receivers on this machine. */
  async #openWebhooks(): Promise<WebhookDirectory> {
    const directory = await WebhookDirectory.open({
      store: this.webhooks,
      secrets: new SealedSecrets(randomBytes(32)),
      allowedOrigins: this.receivers,
      clock: HOST_CLOCK,
      limits: { deadlineMs: 500, retryBaseMs: 10, retryMaxMs: 20, giveUpMs: 60_000 },
      random: Math.random,
      context: () => NO_CONTEXT,
      onReport: () => undefined,
      onFault: (error) => {
        throw error;
      },
    });
    this.webhooks.onPublished = directory.published;
    return directory;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
    this.files.dispose();
  }

  /** One request over HTTP; its answer must be one that the OpenAPI document knows. */
  async ask(path: string, { method = 'GET', headers = {}, key, json, body }: Ask = {}): Promise<Reply> {
    const hasBody = json !== undefined || body !== undefined;
    const response = await fetch(`${this.url}${path}`, {
      method,
      redirect: 'manual',
      body: json !== undefined ? JSON.stringify(json) : body,
      headers: {
        ...(key && { authorization: `Bearer ${key}` }),
        ...(hasBody && { 'content-type': 'application/json' }),
        ...headers,
      },
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') && text !== '';
    const reply = {
      status: response.status,
      headers: response.headers,
      text,
      body: isJson ? (JSON.parse(text) as AnswerBody) : ({} as AnswerBody),
    };
    if (response.status >= 400 && method !== 'HEAD') expectProblem(reply);
    checkAnswer(method, path, reply);
    return reply;
  }

  /** One request to the Cloud API; its answer must be one that its OpenAPI document knows. */
  async cloud(path: string, { method = 'GET', key, json, body, form }: CloudAsk = {}): Promise<CloudReply> {
    const hasText = json !== undefined || body !== undefined;
    const response = await fetch(`${this.url}/cloud${path}`, {
      method,
      body: form ?? (json !== undefined ? JSON.stringify(json) : body),
      headers: {
        ...(key && { authorization: `Bearer ${key}` }),
        ...(hasText && { 'content-type': 'application/json' }),
      },
    });
    const text = await response.text();
    const { status, headers } = response;
    const reply = { status, headers, text, body: JSON.parse(text) as CloudReply['body'] };
    cloudCheck.answer(method, path.replace(/^\/v\d+\.\d+/, ''), reply);
    return reply;
  }

  /** A POST with the agent's key. */
  send(operation: string, json: unknown, headers: Record<string, string> = {}): Promise<Reply> {
    return this.ask(`/agents/bot/${operation}`, { method: 'POST', key: 'secret-key', json, headers });
  }

  /** Sends bytes as they are; returns the answer until the server closes or `done` is satisfied. */
  async raw(bytes: string, done: (text: string) => boolean = () => false): Promise<string> {
    const socket = connect(this.port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
      if (done(text)) socket.destroy();
    });
    socket.on('error', () => {});
    socket.write(bytes);
    await once(socket, 'close');
    return text;
  }
}

/** Asserts the error contract (docs/errors.md). */
export function expectProblem(reply: Reply, code?: string): void {
  expect(reply.headers.get('content-type')).to.equal('application/json; charset=utf-8');
  expect(Object.keys(reply.body)).to.deep.equal(['error']);
  expect(reply.body.error).to.include.keys('code', 'message', 'traceId');
  expect(reply.body.error.traceId).to.equal(reply.headers.get('x-trace-id'));
  expect(reply.text).not.to.match(/<html|\.ts:\d|at .*\(|secret-key/i);
  if (code) expect(reply.body.error.code).to.equal(code);
  if (reply.body.error.code === 'INVALID_PAYLOAD')
    expect(reply.body.error.details).to.be.an('array').that.is.not.empty;
}

/** Asserts the form of Meta's errors (docs/cloud-api.md). */
export function expectCloudProblem({ headers, text, body }: CloudReply): void {
  expect(Object.keys(body)).to.deep.equal(['error']);
  const { message, type, code, error_data: data, fbtrace_id: trace } = body.error;
  expect(message).to.match(new RegExp(`^\\(#${code}\\) [A-Z]`));
  expect(type).to.equal('OAuthException');
  expect(data.messaging_product).to.equal('whatsapp');
  expect(data.details).to.be.a('string').that.is.not.empty;
  expect(trace).to.equal(headers.get('x-trace-id'));
  expect(text).not.to.match(/<html|\.ts:\d|at .*\(|secret-key/i);
}

export function failure(...args: ConstructorParameters<typeof GatewayError>): GatewayError {
  return new GatewayError(...args);
}
