import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { expect } from 'chai';
import { cloudDocument } from '../../src/http/openapi/cloud-document.ts';
import { openApiDocument } from '../../src/http/openapi/document.ts';
import { sandboxDocument } from '../../src/sandbox/control-api/sandbox-routes.ts';

interface Media {
  example?: unknown;
  examples?: Record<string, { value: unknown }>;
}

interface Body {
  headers?: Record<string, { required?: boolean; example?: unknown }>;
  content?: Record<string, Media>;
}

/** Headers of the contract, which the document must list wherever they are answered. */
const CONTRACT_HEADERS = [
  'x-trace-id',
  'www-authenticate',
  'retry-after',
  'location',
  'ratelimit',
  'ratelimit-policy',
  'idempotent-replayed',
  'preference-applied',
];
/** Files of pages, which need no examples. */
const FILE_TYPES = ['text/html', 'text/css', 'text/javascript', 'image/png', '*/*'];

interface Described {
  requestBody?: { content: { 'application/json'?: { schema: { $ref: string } } } };
  responses: Record<string, Body>;
}

type OpenApi = ReturnType<typeof openApiDocument>;

interface Reply {
  status: number;
  headers: Headers;
  body: unknown;
}

/** An OpenAPI document, to which answers are compared. */
class DocumentCheck {
  readonly #document: OpenApi;
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true });
  readonly #compiled = new Map<string, ValidateFunction>();
  /** Each path as a pattern, the most literal first. */
  readonly #operations: { pattern: RegExp; path: string; item: Record<string, Described | undefined> }[];

  constructor(document: OpenApi) {
    this.#document = document;
    formats.default(this.#ajv);
    this.#ajv.addSchema({ ...document, $id: 'openapi' } as object);
    this.#operations = Object.entries(document.paths ?? {})
      .map(([path, item]) => ({
        pattern: new RegExp(`^${path.replace(/[.]/g, '\\.').replace(/\{\w+\}/g, '[^/]+')}$`),
        path,
        item: item as Record<string, Described | undefined>,
      }))
      .sort((a, b) => a.path.split('{').length - b.path.split('{').length);
  }

  /** The validator of one response body, by JSON pointer into the document. */
  #validatorOf(path: string, method: string, status: number): ValidateFunction {
    const escaped = encodeURIComponent(path.replaceAll('~', '~0').replaceAll('/', '~1'));
    const ref = `openapi#/paths/${escaped}/${method}/responses/${status}/content/application~1json/schema`;
    const known = this.#compiled.get(ref) ?? this.#ajv.compile({ $ref: ref });
    this.#compiled.set(ref, known);
    return known;
  }

  /** Asserts that the document knows this answer: path, method, status, headers, type, error code and body. */
  answer(method: string, target: string, reply: Reply): void {
    const path = target.split('?')[0]!;
    const found = this.#operations.find(({ pattern }) => pattern.test(path));
    const operation = found?.item[method.toLowerCase()];
    if (!found || !operation) return;
    const described = operation.responses[String(reply.status)];
    expect(described, `${method} ${found.path} has no ${reply.status} in the document`).to.exist;
    this.#headers(`${method} ${found.path} ${reply.status}`, described!, reply.headers);
    const type = reply.headers.get('content-type')?.split(';')[0] ?? '';
    const types = Object.keys(described?.content ?? {});
    if (types.length === 0) {
      expect(type, `type of ${method} ${found.path} ${reply.status}`).to.equal('');
      return;
    }
    if (!types.includes('*/*')) expect(types, `type of ${method} ${found.path}`).to.include(type);
    if (type !== 'application/json') return;
    if (reply.status >= 400) {
      const { code } = (reply.body as { error: { code: unknown } }).error;
      const codes = Object.keys(described!.content![type]!.examples ?? {});
      expect(codes, `codes of ${method} ${found.path} ${reply.status}`).to.include(String(code));
    }
    const validate = this.#validatorOf(found.path, method.toLowerCase(), reply.status);
    expect(validate(reply.body), `${method} ${found.path}: ${JSON.stringify(validate.errors)}`).to.equal(
      true,
    );
  }

  /** Asserts that each header of the contract is documented where it is answered, and answered where it has to be. */
  #headers(what: string, { headers = {} }: Body, answered: Headers): void {
    const names = Object.keys(headers).map((name) => name.toLowerCase());
    expect(names, `headers of ${what}`).to.include.members(
      CONTRACT_HEADERS.filter((name) => answered.has(name)),
    );
    for (const [name, { required }] of Object.entries(headers))
      if (required) expect(answered.has(name), `${name} of ${what}`).to.equal(true);
  }

  /** Asserts that the document knows an event that was posted to a webhook. */
  event(body: { type: string }): void {
    const ref = `openapi#/webhooks/${body.type}/post/requestBody/content/application~1json/schema`;
    const validate = this.#compiled.get(ref) ?? this.#ajv.compile({ $ref: ref });
    this.#compiled.set(ref, validate);
    expect(validate(body), `${body.type}: ${JSON.stringify([body, validate.errors])}`).to.equal(true);
  }

  /** Asserts that every request body, and every JSON answer if asked to, has examples, and that they fit. */
  examples({ ofAnswers = false } = {}): void {
    for (const { path, item } of this.#operations) {
      for (const [method, operation] of Object.entries(item)) {
        for (const [status, body] of ofAnswers ? Object.entries(operation!.responses) : [])
          this.#responseExamples(path, method, Number(status), body);
        const ref = operation!.requestBody?.content['application/json']?.schema.$ref;
        if (ref) this.#requestExample(ref);
      }
    }
  }

  /** Asserts that one response has examples, of its headers too, and that those in JSON fit its schema. */
  #responseExamples(
    path: string,
    method: string,
    status: number,
    { headers = {}, content = {} }: Body,
  ): void {
    const what = `${method} ${path} ${status}`;
    for (const [name, { example }] of Object.entries(headers)) expect(example, `${name} of ${what}`).to.exist;
    for (const [type, { example, examples }] of Object.entries(content)) {
      if (FILE_TYPES.includes(type)) continue;
      const values = examples ? Object.values(examples).map(({ value }) => value) : [example];
      for (const value of values) {
        expect(value, `an example of ${type} of ${what}`).to.exist;
        if (type !== 'application/json') continue;
        const validate = this.#validatorOf(path, method, status);
        expect(validate(value), `${what}: ${JSON.stringify(validate.errors)}`).to.equal(true);
      }
    }
  }

  /** Asserts that a request schema of the components has an example which fits it. */
  #requestExample(ref: string): void {
    const validate = this.#ajv.compile({ $ref: `openapi${ref}` });
    const schemas = (this.#document.components?.schemas ?? {}) as Record<string, { example?: unknown }>;
    const schema = schemas[ref.split('/').pop()!];
    expect(validate(schema?.example), `${ref}: ${JSON.stringify(validate.errors)}`).to.equal(true);
  }
}

const gateway = new DocumentCheck(openApiDocument('http://localhost:3000'));

/**
 * Asserts that the document knows this answer. What no operation is meant for (unknown paths, 405, OPTIONS) must
 * keep the error contract only, which the caller checks.
 */
export function checkAnswer(method: string, target: string, reply: Reply): void {
  gateway.answer(method, target, reply);
}

/** Asserts that the document knows an event that was posted to a webhook. */
export function checkEvent(body: { type: string }): void {
  gateway.event(body);
}

/** Asserts that every JSON body of the document has an example, and that all examples fit their schemas. */
export function checkExamples(): void {
  gateway.examples({ ofAnswers: true });
  cloudCheck.examples({ ofAnswers: true });
}

/** The document of the Cloud API. */
export const cloudCheck = new DocumentCheck(cloudDocument('http://localhost:3000'));

/** The sandbox's own document. */
export const sandboxCheck = new DocumentCheck(sandboxDocument('http://localhost:3000'));
