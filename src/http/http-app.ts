import express, { type Express } from 'express';
import { httpContext } from './context.ts';
import { accessLog } from './middleware/access-log.ts';
import { problemHandler, unknownPath } from './middleware/error-handler.ts';
import { crossOrigin, hostGuard, originGuard } from './middleware/host-and-origin.ts';
import { dataHeaders, stamp, strictPageHeaders } from './middleware/security-headers.ts';
import { trace } from './middleware/trace.ts';
import { openApiDocument } from './openapi/document.ts';
import { documentFiles } from './openapi/document-files.ts';
import { operationRoutes } from './operation-routes.ts';
import { cloudOperations, operations } from './operations.ts';
import { pageAssets } from './pages/web-files.ts';
import type { HttpDeps } from './ports.ts';
import { cloudApi } from './routes/cloud-api/cloud-api.ts';

export { createHttpServer } from './server.ts';

/**
 * The Express app of the service; everything that it needs is injected. Serve it with `createHttpServer`.
 *
 * @example createHttpServer(createHttpApp(deps)).listen(3000, '127.0.0.1')
 */
export function createHttpApp(deps: HttpDeps): Express {
  const { settings, logger, observer, edition, extraRouters = [] } = deps;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.enable('case sensitive routing');
  app.set('trust proxy', settings.TRUST_PROXY ?? 0);

  app.use(
    stamp(edition?.headers),
    trace,
    accessLog(logger, observer),
    dataHeaders,
    hostGuard(settings),
    originGuard(settings),
    ...crossOrigin(settings.CORS_ORIGINS),
  );
  const toJid = (text: string) => deps.parseJid(text, settings.DEFAULT_COUNTRY);
  const table = operations(toJid);
  const document = documentFiles(() => openApiDocument(settings.APP_BASE_URL, table));
  const context = httpContext(deps, document);
  app.use(operationRoutes(table, context, context.guards), pageAssets());
  app.use('/cloud', ...cloudApi(context, cloudOperations(toJid)));
  for (const { path, router, guarded } of extraRouters) {
    app.use(path, ...(guarded ? [context.guards.page] : []), strictPageHeaders, router);
  }
  app.use(unknownPath);
  app.use(problemHandler(logger));
  return app;
}
