import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { Router } from 'express';
import type { EdgeDeps } from '../context.ts';
import { pageHeaders } from '../middleware/security-headers.ts';
import type { Edition } from '../ports.ts';
import { resource } from '../resource.ts';

const ASSETS = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
const FILES = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'] as const;

type Documents = Edition['documents'];

/** A text as HTML. */
function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** What stands above the documentation: a notice if there is one, links to the documents and to the other page. */
function header(notice: string | undefined, documents: Documents): string {
  const links = documents.map(({ name }, index) => `<a href="/docs?api=${index}">${escaped(name)}</a>`);
  const words = notice === undefined ? '' : `<strong>${escaped(notice)}</strong>`;
  const look = notice === undefined ? '' : ' class="noticed"';
  return `<header${look}>${words}<nav>${links.join('')}<a href="/inspector">Inspector</a></nav></header>`;
}

/** The page around Swagger UI. */
function page(notice: string | undefined, documents: Documents): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>WhatsApp gateway: API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" href="/docs/favicon-32x32.png">
<style>
body { margin: 0 }
header { display: flex; flex-wrap: wrap; gap: 1rem; padding: .6rem 1rem; font: 14px system-ui; color: #fff; background: #1f262e }
header.noticed { background: #5b21b6 }
header a { margin-right: 1rem; color: #fff }
</style>
</head>
<body>
${header(notice, documents)}
<main id="api"></main>
<script src="/docs/swagger-ui-bundle.js"></script>
<script type="module" src="/docs/start.js"></script>
</body>
</html>
`;
}

/**
 * Starts Swagger UI on the document that the address names by its number, the service's own by default; dark where the
 * person likes it so. Calls go to where the page came from, by whatever name: its policy lets them go nowhere else.
 */
function start(documents: Documents): string {
  return `const dark = matchMedia('(prefers-color-scheme: dark)');
const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', follow);
follow();
const urls = ${JSON.stringify(documents.map(({ url }) => url))};
const wanted = Number(new URLSearchParams(location.search).get('api'));
const spec = await (await fetch(urls[wanted] || urls[0])).json();
spec.servers = spec.servers.map(({ url }) => ({ url: location.origin + new URL(url).pathname.replace(/\\/$/, '') }));
window.SwaggerUIBundle({
  spec,
  dom_id: '#api',
  deepLinking: true,
  validatorUrl: null,
  presets: [window.SwaggerUIBundle.presets.apis],
});
`;
}

/** `GET /docs`: Swagger UI from this origin alone, under a policy without inline scripts; works offline. */
export function docsRoutes({ edition, guards }: EdgeDeps): Router {
  const router = Router({ caseSensitive: true });
  const documents = [{ name: 'Gateway', url: '/openapi.json' }, ...(edition?.documents ?? [])];
  const html = page(edition?.notice, documents);
  const script = start(documents);
  const first = [guards.page, pageHeaders];

  resource(router, '/docs', { get: [...first, (_req, res) => void res.type('html').send(html)] });
  resource(router, '/docs/start.js', { get: [...first, (_req, res) => void res.type('js').send(script)] });
  for (const file of FILES) {
    resource(router, `/docs/${file}`, {
      get: [...first, (_req, res) => res.sendFile(file, { root: ASSETS, maxAge: '1h', etag: false })],
    });
  }
  return router;
}
