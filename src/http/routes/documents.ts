import { Router } from 'express';
import { stringify } from 'yaml';
import { resource } from '../routing.ts';

/** `GET /openapi.json` and `GET /openapi.yaml` of one OpenAPI document. */
export function documentRoutes(document: object): Router {
  const router = Router({ caseSensitive: true });
  const yaml = stringify(document, { aliasDuplicateObjects: false });
  resource(router, '/openapi.json', { get: [(_req, res) => void res.json(document)] });
  resource(router, '/openapi.yaml', { get: [(_req, res) => void res.type('application/yaml').send(yaml)] });
  return router;
}
