import { expect } from 'chai';
import { type ContentKind, KINDS } from '../../src/actors/domain/message-content.ts';
import { STATUS } from '../../src/http/middleware/error-handler.ts';
import { CLOUD_CODES, CLOUD_ERRORS } from '../../src/infra/cloud-errors.ts';
import { FIXED_NUMBERS } from '../../src/sandbox/network/fixed-numbers.ts';
import { inIndonesian, read, tableOf } from './pages.ts';

interface Schema {
  $ref?: string;
  properties?: Record<string, unknown>;
  required?: string[];
}
interface Operation {
  requestBody?: { content: { 'application/json': { schema: Schema } } };
}
interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

/** `{name, optional?}` of an operation's body, sorted; empty without a body. */
function fieldsOf({ requestBody }: Operation, { components }: Document): string[] {
  const given = requestBody?.content['application/json'].schema ?? {};
  const schema = given.$ref ? components.schemas[given.$ref.split('/').at(-1)!]! : given;
  const isRequired = (name: string) => schema.required?.includes(name);
  return Object.keys(schema.properties ?? {})
    .map((name) => (isRequired(name) ? name : `${name}?`))
    .sort();
}

for (const path of ['docs/errors.md', inIndonesian('docs/errors.md')]) {
  describe(path, () => {
    it('has the codes of the service with their statuses', async () => {
      const documented = tableOf(await read(path), 'code').map(([code, status]) => [
        code!,
        Number.parseInt(status!, 10),
      ]);
      expect(documented).to.have.length(Object.keys(STATUS).length);
      expect(Object.fromEntries(documented)).to.deep.equal(STATUS);
    });
  });
}

for (const path of ['docs/cloud-api.md', inIndonesian('docs/cloud-api.md')]) {
  describe(path, () => {
    it("has Meta's errors with the codes of the service that they stand for", async () => {
      const rows = tableOf(await read(path), path.includes('/id/') ? 'nomor' : 'number');
      const documented = rows.map(([number, status, title]) => [number, { title, status: Number(status) }]);
      expect(Object.fromEntries(documented)).to.deep.equal(Object.fromEntries(Object.entries(CLOUD_ERRORS)));
      const codes = rows.flatMap(([number, , , codes]) =>
        [...codes!.matchAll(/\b[A-Z]+(_[A-Z]+)*\b/g)]
          .filter(([code]) => code in CLOUD_CODES)
          .map(([code]) => [code, Number(number)]),
      );
      expect(Object.fromEntries(codes)).to.deep.equal(CLOUD_CODES);
    });
  });
}

describe('the table of kinds in README.md', () => {
  it('has each kind with the limit and the formats of the service', async () => {
    const rows = tableOf(await read('README.md'), 'type');
    expect(rows.map(([kind]) => kind)).to.deep.equal(Object.keys(KINDS));
    for (const [kind, limit, formats] of rows) {
      const rules = KINDS[kind as ContentKind];
      if (!rules.maxBytes) continue;
      expect(limit).to.match(new RegExp(`^${rules.maxBytes / 1024 / 1024} MB`));
      if (rules.formats === 'any') expect(formats).to.equal('any');
      else expect(formats!.split(';')[0]!.split(', ')).to.deep.equal(rules.formats);
    }
  });
});

describe('docs/testing.md', () => {
  it('has each call of the control API with the fields of its body', async () => {
    const document = JSON.parse(await read('docs/sandbox-openapi.json')) as Document;
    const rows = tableOf(await read('docs/testing.md'), 'call').flatMap(([calls, does]) => {
      const [, fields] = /\{([^}]*)\}/.exec(does!) ?? [];
      return calls!.split(', ').map((call) => {
        const isChange = call.startsWith('POST ');
        return [call, isChange && fields ? fields.split(', ').sort() : []];
      });
    });
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => [
        `${method.toUpperCase()} /sandbox${path}`,
        fieldsOf(operation, document),
      ]),
    );
    const description = rows.filter(([call]) => String(call).includes('/sandbox/openapi'));
    expect(description).to.have.length(2);
    expect(Object.fromEntries(rows.filter((row) => !description.includes(row)))).to.deep.equal(
      Object.fromEntries(operations),
    );
  });

  it('has each number with fixed behaviour', async () => {
    const numbers = tableOf(await read('docs/testing.md'), 'number').map(([number]) => `${number}@c.us`);
    expect(numbers).to.deep.equal(Object.keys(FIXED_NUMBERS));
  });
});

describe('docs/decisions.md', () => {
  it('has each decision below a topic, with a unique number and a date', async () => {
    const [, ...topics] = (await read('docs/decisions.md')).split(/^## .+$/m);
    const entries = topics.flatMap((topic) => topic.trim().split('\n\n'));
    const numbers = entries.map((entry) => {
      expect(entry).to.match(/^\*\*\d+\. .+\*\* \d{4}-\d\d-\d\d\./);
      return Number.parseInt(entry.slice(2), 10);
    });
    expect(numbers).to.have.length.above(100);
    expect(numbers.filter((number, index) => numbers.indexOf(number) !== index)).to.deep.equal([]);
  });
});
