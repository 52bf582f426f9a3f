import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { expect } from 'chai';
import { openApiDocument } from '../../src/http/openapi.ts';

interface Body {
  content?: Record<string, { example?: unknown; examples?: Record<string, { value: unknown }> }>;
}

interface Described {
  requestBody?: { content: { 'application/json': { schema: { $ref: string } } } };
  responses: Record<string, Body>;
}

const document = openApiDocument('http://localhost:3000');
const ajv = new Ajv2020({ strict: false, allErrors: true });
formats.default(ajv);
ajv.addSchema({ ...document, $id: 'openapi' } as object);

/** Each path as a pattern, the most literal first. */
const operations = Object.entries(document.paths ?? {})
  .map(([path, item]) => ({
    pattern: new RegExp(`^${path.replace(/[.]/g, '\\.').replace(/\{\w+\}/g, '[^/]+')}$`),
    path,
    item: item as Record<string, Described | undefined>,
  }))
  .sort((a, b) => a.path.split('{').length - b.path.split('{').length);

const compiled = new Map<string, ValidateFunction>();

/** The validator of one response body, by JSON pointer into the document. */
function validatorOf(path: string, method: string, status: number): ValidateFunction {
  const escaped = encodeURIComponent(path.replaceAll('~', '~0').replaceAll('/', '~1'));
  const ref = `openapi#/paths/${escaped}/${method}/responses/${status}/content/application~1json/schema`;
  const known = compiled.get(ref) ?? ajv.compile({ $ref: ref });
  compiled.set(ref, known);
  return known;
}

/**
 * Asserts that the document knows this answer: path, method, status, type and body. What no operation is meant
 * for (unknown paths, 405, OPTIONS) must keep the error contract only, which the caller checks.
 */
export function checkAnswer(
  method: string,
  target: string,
  reply: { status: number; headers: Headers; body: unknown },
): void {
  const path = target.split('?')[0]!;
  const found = operations.find(({ pattern }) => pattern.test(path));
  const operation = found?.item[method.toLowerCase()];
  if (!found || !operation) return;
  const described = operation.responses[String(reply.status)];
  expect(described, `${method} ${found.path} has no ${reply.status} in the document`).to.exist;
  const type = reply.headers.get('content-type')?.split(';')[0] ?? '';
  expect(Object.keys(described?.content ?? {}), `type of ${method} ${found.path}`).to.include(type);
  if (type !== 'application/json' || path === '/openapi.json') return;
  const validate = validatorOf(found.path, method.toLowerCase(), reply.status);
  expect(validate(reply.body), `${method} ${found.path}: ${JSON.stringify(validate.errors)}`).to.equal(true);
}

/** Asserts that every JSON body of the document has an example, and that all examples fit their schemas. */
export function checkExamples(): void {
  for (const { path, item } of operations) {
    for (const [method, operation] of Object.entries(item)) {
      for (const [status, { content }] of Object.entries(operation!.responses)) {
        const media = content?.['application/json'];
        if (!media || path === '/openapi.json') continue;
        const examples = media.examples
          ? Object.values(media.examples).map(({ value }) => value)
          : [media.example];
        const validate = validatorOf(path, method, Number(status));
        for (const example of examples) {
          expect(
            validate(example),
            `${method} ${path} ${status}: ${JSON.stringify(validate.errors)}`,
          ).to.equal(true);
        }
      }
      const ref = operation!.requestBody?.content['application/json'].schema.$ref;
      if (ref) checkRequestExample(ref);
    }
  }
}

/** Asserts that a request schema of the components has an example which fits it. */
function checkRequestExample(ref: string): void {
  const validate = ajv.compile({ $ref: `openapi${ref}` });
  const schemas = (document.components?.schemas ?? {}) as Record<string, { example?: unknown }>;
  const schema = schemas[ref.split('/').pop()!];
  expect(validate(schema?.example), `${ref}: ${JSON.stringify(validate.errors)}`).to.equal(true);
}
