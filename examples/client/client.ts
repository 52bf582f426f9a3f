import type { paths } from './schema.d.ts';

// A typed client in one file, without dependencies: copy it beside schema.d.ts into your own project.

type Method = 'get' | 'post' | 'patch' | 'delete';

/** The paths with this method. */
export type PathOf<M extends Method> = {
  [P in keyof paths]: paths[P][M] extends object ? P : never;
}[keyof paths];

type Parameters<O, In extends string> = O extends { parameters: { [K in In]: infer Given } }
  ? Given
  : unknown;
type Json<T> = T extends { content: { 'application/json': infer Body } } ? Body : never;
type BodyOf<O> = O extends { requestBody: infer Request } ? { body: Json<Request> } : unknown;
type PathParameters<O> = Parameters<O, 'path'> extends object ? { path: Parameters<O, 'path'> } : unknown;
type Responses<O> = O extends { responses: infer R } ? R : never;

/** The input of a call: values for the path, and a body if there is one. */
export type CallInput<O> = PathParameters<O> &
  BodyOf<O> & { headers?: Record<string, string>; signal?: AbortSignal };

/** The response of a call: the status determines the body's type. */
export type Answer<O> = {
  [S in keyof Responses<O>]: { status: S; headers: Headers; body: Json<Responses<O>[S]> };
}[keyof Responses<O>];

/** Fills `{name}` in a path. */
function filled(path: string, values: Record<string, string> = {}): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ''));
}

/**
 * Calls the gateway. Paths, values, bodies and responses are checked by the compiler.
 *
 * @example
 * const gateway = new GatewayClient('http://localhost:3000', 'the-agents-key');
 * const sent = await gateway.call('post', '/agents/{agentId}/messages', {
 *   path: { agentId: 'demo' },
 *   body: { to: '6281234567890', message: 'Halo' },
 * });
 * if (sent.status === 200) console.log(sent.body.messageId);
 */
export class GatewayClient {
  readonly #url: string;
  readonly #key: string | undefined;

  /** @param key sent as the Bearer token: the agent's, or `SESSIONS_TOKEN` for `/sessions*` */
  constructor(url: string, key?: string) {
    this.#url = url.replace(/\/$/, '');
    this.#key = key;
  }

  /** Makes one call; resolves for every status, rejects when there is no response. */
  async call<M extends Method, P extends PathOf<M>>(
    method: M,
    path: P,
    input: CallInput<paths[P][M]>,
  ): Promise<Answer<paths[P][M]>> {
    const {
      path: values,
      body,
      headers,
      signal,
    } = input as {
      path?: Record<string, string>;
      body?: unknown;
      headers?: Record<string, string>;
      signal?: AbortSignal;
    };
    const response = await fetch(this.#url + filled(path, values), {
      method: method.toUpperCase(),
      headers: {
        ...(this.#key !== undefined && { authorization: `Bearer ${this.#key}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ?? AbortSignal.timeout(120_000),
    });
    const { status, headers: answered } = response;
    return { status, headers: answered, body: await response.json() } as Answer<paths[P][M]>;
  }
}
