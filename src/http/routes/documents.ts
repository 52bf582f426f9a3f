import { z } from 'zod';
import type { DocumentFiles } from '../openapi/document-files.ts';
import { type Operation, operationOn } from '../operation.ts';

interface WithDocument {
  document: DocumentFiles;
}

const operation = operationOn<WithDocument>();
const file = { method: 'get', tag: 'service', access: 'open' } as const;
const openApi = z
  .looseObject({
    openapi: z.literal('3.1.0'),
    info: z.looseObject({ title: z.string(), version: z.string() }),
  })
  .meta({ id: 'OpenApi' });

/** `GET /openapi.json` and `GET /openapi.yaml`. */
export const documentOperations: Operation<WithDocument>[] = [
  operation({
    ...file,
    path: '/openapi.json',
    operationId: 'getOpenApiJson',
    summary: 'This document as JSON',
    responses: {
      200: {
        description: 'The document.',
        json: openApi,
        example: { openapi: '3.1.0', info: { title: 'WhatsApp gateway', version: '0.1.0' } },
      },
    },
    run: ({ document }, _input, res) => void res.json(document.json()),
  }),
  operation({
    ...file,
    path: '/openapi.yaml',
    operationId: 'getOpenApiYaml',
    summary: 'This document as YAML',
    responses: {
      200: { description: 'This document as YAML', types: { 'application/yaml': 'openapi: 3.1.0\n' } },
    },
    run: async ({ document }, _input, res) => void res.type('application/yaml').send(await document.yaml()),
  }),
];
