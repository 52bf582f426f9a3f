import { Router } from 'express';
import { resource } from '../resource.ts';

/**
 * `GET /openapi.json` and `GET /openapi.yaml` of one OpenAPI document. It is made when it is first asked for: to write
 * it out takes a sixth of a start.
 */
export function documentRoutes(describe: () => object): Router {
  const router = Router({ caseSensitive: true });
  let document: object | undefined;
  let yaml: string | undefined;
  /** The document, made once. */
  const json = () => {
    document ??= describe();
    return document;
  };
  resource(router, '/openapi.json', { get: [(_req, res) => void res.json(json())] });
  resource(router, '/openapi.yaml', {
    get: [
      async (_req, res) => {
        const { stringify } = await import('yaml');
        yaml ??= stringify(json(), { aliasDuplicateObjects: false });
        res.type('application/yaml').send(yaml);
      },
    ],
  });
  return router;
}
