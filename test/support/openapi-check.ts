import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { expect } from 'chai';
import { openApiDocument } from '../../src/http/openapi.ts';
import { sandboxDocument } from '../../src/sandbox-routes.ts';

interface Media {
  example?: unknown;
  examples?: Record<string, { value: unknown }>;
}

interface Body {
  content?: Record<string, Media>;
}

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

/** What an OpenAPI document promises, to be held against what is answered. */
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

  /** Asserts that the document knows this answer: path, method, status, type and body. */
  answer(method: string, target: string, reply: Reply): void {
    const path = target.split('?')[0]!;
    const found = this.#operations.find(({ pattern }) => pattern.test(path));
    const operation = found?.item[method.toLowerCase()];
    if (!found || !operation) return;
    const described = operation.responses[String(reply.status)];
    expect(described, `${method} ${found.path} has no ${reply.status} in the document`).to.exist;
    const type = reply.headers.get('content-type')?.split(';')[0] ?? '';
    expect(Object.keys(described?.content ?? {}), `type of ${method} ${found.path}`).to.include(type);
    if (type !== 'application/json' || path === '/openapi.json') return;
    const validate = this.#validatorOf(found.path, method.toLowerCase(), reply.status);
    expect(validate(reply.body), `${method} ${found.path}: ${JSON.stringify(validate.errors)}`).to.equal(
      true,
    );
  }

  /** Asserts that every request body, and every JSON answer if asked to, has examples, and that they fit. */
  examples({ ofAnswers = false } = {}): void {
    for (const { path, item } of this.#operations) {
      for (const [method, operation] of Object.entries(item)) {
        for (const [status, { content }] of ofAnswers ? Object.entries(operation!.responses) : [])
          this.#responseExamples(path, method, Number(status), content?.['application/json']);
        const ref = operation!.requestBody?.content['application/json']?.schema.$ref;
        if (ref) this.#requestExample(ref);
      }
    }
  }

  /** Asserts that the examples of one response fit its schema. */
  #responseExamples(path: string, method: string, status: number, media: Media | undefined): void {
    if (!media || path === '/openapi.json') return;
    const examples = media.examples
      ? Object.values(media.examples).map(({ value }) => value)
      : [media.example];
    const validate = this.#validatorOf(path, method, status);
    for (const example of examples) {
      expect(validate(example), `${method} ${path} ${status}: ${JSON.stringify(validate.errors)}`).to.equal(
        true,
      );
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

/** Asserts that every JSON body of the document has an example, and that all examples fit their schemas. */
export function checkExamples(): void {
  gateway.examples({ ofAnswers: true });
}

/** The sandbox's own document. */
export const sandboxCheck = new DocumentCheck(sandboxDocument('http://localhost:3000'));
