import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { Router } from 'express';
import { parse } from 'yaml';
import { createHttpApp } from '../../src/http/http-app.ts';
import { cloudDocument } from '../../src/http/openapi/cloud-document.ts';
import { openApiDocument } from '../../src/http/openapi/document.ts';
import type { HttpDeps } from '../../src/http/ports.ts';
import { sandboxDocument } from '../../src/sandbox/control-api/sandbox-routes.ts';
import { expectProblem, Harness } from '../support/http-harness.ts';
import { checkExamples } from '../support/openapi-check.ts';

interface Layer {
  route?: { path: string; methods: Record<string, boolean> };
  handle?: { stack?: Layer[] };
}

/** Every route of the app as `get /sessions/{agentId}`. */
function routesOf(layers: Layer[]): string[] {
  return layers.flatMap(({ route, handle }) => {
    if (!route) return routesOf(handle?.stack ?? []);
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    return Object.keys(route.methods)
      .filter((method) => method !== '_all')
      .map((method) => `${method} ${path}`);
  });
}

const SERVER = 'http://localhost:3000';

describe('the service itself', () => {
  let http: Harness;
  beforeEach(async () => {
    http = await new Harness().start();
  });
  afterEach(() => http.stop());

  it('answers /health with status, uptime and timestamp', async () => {
    const { status, body } = await http.ask('/health');
    expect(status).to.equal(200);
    expect(body).to.have.all.keys('status', 'uptime', 'timestamp');
    expect(body.uptime).to.be.a('number');
    expect(new Date(String(body.timestamp)).toISOString()).to.equal(body.timestamp);
  });

  it('answers /readyz with the state of each dependency, 503 when one is not ok', async () => {
    expect((await http.ask('/readyz')).body).to.deep.equal({
      status: 'ok',
      dependencies: { database: 'ok' },
    });
    http.dependencies = { database: 'unreachable' };
    const down = await http.ask('/readyz');
    expect(down.status).to.equal(503);
    expectProblem(down, 'DATABASE_UNAVAILABLE');
    expect(down.body.error.details).to.deep.equal({ dependencies: { database: 'unreachable' } });
    expect(down.headers.get('retry-after')).to.equal('5');
    http.dependencies = { database: 'ok', service: 'stopping' };
    expectProblem(await http.ask('/readyz'), 'SHUTTING_DOWN');
  });

  it('answers /metrics in the Prometheus format', async () => {
    const reply = await http.ask('/metrics');
    expect(reply.headers.get('content-type')).to.match(/^text\/plain; version=0\.0\.4/);
    expect(reply.text).to.equal('wa_ready 1\n');
  });

  it('measures each request by the pattern of its route', async () => {
    await http.ask('/sessions/bot');
    await http.ask('/nowhere/bot');
    expect(http.observed).to.deep.include(['/sessions/:agentId', 'GET', 200]);
    expect(http.observed).to.deep.include(['unmatched', 'GET', 404]);
    const line = http.log.find(({ route }) => route === '/sessions/:agentId');
    expect(line).to.include({ event: 'http.request', status: 200, method: 'GET' });
  });

  it('serves the OpenAPI document as JSON and YAML with APP_BASE_URL as its server', async () => {
    const json = await http.ask('/openapi.json');
    expect(json.body).to.deep.include({ openapi: '3.1.0', servers: [{ url: 'https://gateway.example' }] });
    const yaml = await http.ask('/openapi.yaml');
    expect(parse(yaml.text)).to.deep.equal(json.body);
  });

  it('serves the docs page from its own origin, without inline scripts', async () => {
    const page = await http.ask('/docs');
    expect(page.headers.get('content-security-policy')).to.include("script-src 'self';");
    expect(page.text).not.to.match(/https?:|<script>|\son\w+=/);
    for (const [, file] of page.text.matchAll(/(?:src|href)="([^"]+)"/g)) {
      expect((await http.ask(file!)).status, file).to.equal(200);
    }
  });

  it('serves mounted pages with a content policy, and guarded ones behind the token', async () => {
    const router = Router().get('/', (_req, res) => void res.send('<p>inspector</p>'));
    const guarded = await new Harness().start(
      { SESSIONS_TOKEN: 'letmein' },
      {
        extraRouters: [
          { path: '/inspector', router, guarded: true },
          { path: '/sandbox', router },
        ],
      },
    );
    try {
      expect((await guarded.ask('/inspector')).status).to.equal(401);
      const page = await guarded.ask('/inspector', { key: 'letmein' });
      expect(page.headers.get('content-security-policy')).to.include("script-src 'self'");
      expect((await guarded.ask('/sandbox')).status).to.equal(200);
    } finally {
      await guarded.stop();
    }
  });

  it('documents every route and routes every operation', () => {
    const app = createHttpApp({
      settings: { HOST: '127.0.0.1', APP_BASE_URL: 'http://localhost:3000', CORS_ORIGINS: [] },
      parseJid: String,
    } as unknown as HttpDeps);
    const routes = routesOf((app.router as unknown as { stack: Layer[] }).stack);
    const documents = [openApiDocument(SERVER), cloudDocument(SERVER)];
    const operations = documents.flatMap(({ paths = {} }) =>
      Object.entries(paths).flatMap(([path, item]) =>
        Object.keys(item ?? {}).map((method) => `${method} ${path}`),
      ),
    );
    const filesOfTheSecond = ['get /openapi.json', 'get /openapi.yaml'];
    expect(routes.sort()).to.deep.equal([...operations, ...filesOfTheSecond].sort());
  });

  it('has up-to-date OpenAPI files in docs/', async () => {
    const docs = new URL('../../docs/', import.meta.url);
    const made = {
      openapi: openApiDocument(SERVER),
      'cloud-openapi': cloudDocument(SERVER),
      'sandbox-openapi': sandboxDocument(SERVER),
    };
    for (const [name, document] of Object.entries(made)) {
      const plain = JSON.parse(JSON.stringify(document));
      expect(JSON.parse(await readFile(new URL(`${name}.json`, docs), 'utf8'))).to.deep.equal(plain);
      expect(parse(await readFile(new URL(`${name}.yaml`, docs), 'utf8'))).to.deep.equal(plain);
    }
  });

  it('gives every operation a unique id and every JSON body a valid example', () => {
    const { paths } = openApiDocument('http://localhost:3000');
    const operations = Object.values(paths ?? {}).flatMap((item) => Object.values(item ?? {}));
    const ids = operations.map(({ operationId }) => operationId);
    expect(ids).not.to.include(undefined);
    expect(new Set(ids).size).to.equal(ids.length);
    checkExamples();
  });
});
