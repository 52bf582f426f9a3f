import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { Router } from 'express';
import { tokenGuard } from '../auth.ts';
import type { HttpDeps } from '../ports.ts';
import { resource } from '../routing.ts';
import { pageHeaders } from '../security.ts';

const ASSETS = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
const FILES = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'] as const;

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>WhatsApp gateway: API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" href="/docs/favicon-32x32.png">
</head>
<body>
<main id="api"></main>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

const START = `window.SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#api',
  deepLinking: true,
  validatorUrl: null,
  presets: [window.SwaggerUIBundle.presets.apis],
});
`;

/** `GET /docs`: Swagger UI from this origin alone, under a policy without inline scripts; works offline. */
export function docsRoutes({ settings }: HttpDeps): Router {
  const router = Router({ caseSensitive: true });
  const first = [tokenGuard(settings.SESSIONS_TOKEN), pageHeaders];

  resource(router, '/docs', { get: [...first, (_req, res) => void res.type('html').send(PAGE)] });
  resource(router, '/docs/start.js', { get: [...first, (_req, res) => void res.type('js').send(START)] });
  for (const file of FILES) {
    resource(router, `/docs/${file}`, {
      get: [...first, (_req, res) => res.sendFile(file, { root: ASSETS, maxAge: '1h', etag: false })],
    });
  }
  return router;
}
