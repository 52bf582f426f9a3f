import type { Edition } from '../ports.ts';

type Document = Edition['documents'][number];

/** The gateway's documents, then those of the edition. */
function documentsOf(edition: Edition | undefined): Document[] {
  return [
    { name: 'Gateway', url: '/openapi.json' },
    { name: 'Cloud API', url: '/cloud/openapi.json' },
    ...(edition?.documents ?? []),
  ];
}

/** A text as HTML. */
function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** The header: a notice if there is one, links to the documents and to the inspector. */
function header(notice: string | undefined, documents: Document[]): string {
  const links = documents.map(({ name }, index) => `<a href="/docs?api=${index}">${escaped(name)}</a>`);
  const words = notice === undefined ? '' : `<strong>${escaped(notice)}</strong>`;
  const look = notice === undefined ? '' : ' class="noticed"';
  return `<header${look}>${words}<nav>${links.join('')}<a href="/inspector">Inspector</a></nav></header>`;
}

/** The page around Swagger UI. */
export function docsPage(edition: Edition | undefined): string {
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
${header(edition?.notice, documentsOf(edition))}
<main id="api"></main>
<script src="/docs/swagger-ui-bundle.js"></script>
<script type="module" src="/docs/start.js"></script>
</body>
</html>
`;
}

/**
 * Script that starts Swagger UI on the document whose number is in the address, the gateway's by default; dark by the
 * user's preference. Calls go to the page's own origin, the only one that its policy allows.
 */
export function docsScript(edition: Edition | undefined): string {
  return `const dark = matchMedia('(prefers-color-scheme: dark)');
const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', follow);
follow();
const urls = ${JSON.stringify(documentsOf(edition).map(({ url }) => url))};
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
