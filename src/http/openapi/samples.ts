import type { createDocument } from 'zod-openapi';

type Document = ReturnType<typeof createDocument>;

/** What a sample is made from, of an operation in a finished document. */
interface Operation {
  parameters?: { in: string; name: string; schema?: { example?: unknown } }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, { content?: Record<string, unknown> }>;
  security?: Record<string, string[]>[];
  'x-codeSamples'?: { lang: string; label: string; source: string }[];
}

interface Schema {
  $ref?: string;
  example?: unknown;
  properties?: Record<string, { example?: unknown }>;
}

/** Quotes a text for a shell. */
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** The body of an operation's sample, as options of cURL; none when it takes none. */
function bodyOptions(document: Document, { requestBody }: Operation): string[] {
  const [[type, media] = []] = Object.entries(requestBody?.content ?? {});
  if (!type || !media) return [];
  const name = media.schema.$ref?.split('/').pop() ?? '';
  const schema = (document.components?.schemas?.[name] as Schema | undefined) ?? media.schema;
  if (type === 'application/json')
    return [`-H 'Content-Type: ${type}'`, `-d ${quoted(JSON.stringify(schema.example))}`];
  const option = type === 'multipart/form-data' ? '-F' : '--data-urlencode';
  return Object.entries(schema.properties ?? {}).map(
    ([field, { example }]) => `${option} ${quoted(`${field}=${example}`)}`,
  );
}

/** The query parameters that have examples, as a query. */
function queryOf(parameters: NonNullable<Operation['parameters']>): string {
  const given = parameters.filter((one) => one.in === 'query' && one.schema?.example !== undefined);
  const pairs = given.map(({ name, schema }) => `${name}=${schema!.example}`);
  return pairs.length > 0 ? `?${pairs.join('&')}` : '';
}

/** An operation as a command, with the values of its examples. */
function curl(document: Document, url: string, method: string, path: string, operation: Operation): string {
  const { parameters = [], responses, security = [] } = operation;
  const exampleOf = (name: string) => parameters.find((one) => one.name === name)?.schema?.example;
  const target =
    path.replace(/\{(\w+)\}/g, (_, name: string) => String(exampleOf(name))) + queryOf(parameters);
  const isStream = Object.values(responses).some(({ content = {} }) => 'text/event-stream' in content);
  const isImage = 'image/png' in (responses[200]?.content ?? {});
  const flags = [
    ...(isStream ? ['-N'] : []),
    ...(isImage ? ['-o image.png'] : []),
    ...(method === 'get' ? [] : [`-X ${method.toUpperCase()}`]),
  ];
  const needsKey = security.length > 0 && security.every((scheme) => 'agentKey' in scheme);
  const lines = [
    ['curl', ...flags, target.includes('?') ? quoted(url + target) : url + target].join(' '),
    ...(needsKey ? ['-H "Authorization: Bearer $API_KEY"'] : []),
    ...bodyOptions(document, operation),
  ];
  return lines.join(' \\\n  ');
}

/**
 * Adds to every operation the command that does it, with the values of the examples (`x-codeSamples`).
 *
 * @param url where the service is reached
 */
export function withSamples(document: Document, url: string): Document {
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    for (const [method, operation] of Object.entries(item ?? {}) as [string, Operation][]) {
      const source = curl(document, url, method, path, operation);
      operation['x-codeSamples'] = [{ lang: 'Shell', label: 'cURL', source }];
    }
  }
  return document;
}
