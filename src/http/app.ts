import express, { type Express } from 'express';
import { edgeDeps } from './context.ts';
import { accessLog } from './middleware/access-log.ts';
import { problemHandler, unknownPath } from './middleware/error-handler.ts';
import {
  crossOrigin,
  dataHeaders,
  hostGuard,
  originGuard,
  stamp,
  strictPageHeaders,
} from './middleware/security-headers.ts';
import { trace } from './middleware/trace.ts';
import { pageAssets } from './pages/built-pages.ts';
import type { HttpDeps } from './ports.ts';
import { agentRouteDeps } from './routes/agents/agent-routes.ts';
import { mediaRoutes } from './routes/agents/media.ts';
import { messageRoutes } from './routes/agents/messages.ts';
import { runRoutes } from './routes/agents/run.ts';
import { docsRoutes } from './routes/docs.ts';
import { inspectorRoutes } from './routes/inspector.ts';
import { loginRoutes } from './routes/login.ts';
import { serviceRoutes } from './routes/service.ts';
import { sessionRoutes } from './routes/sessions.ts';
import { statechartRoutes } from './routes/statechart.ts';

export { createHttpServer } from './server.ts';

/**
 * The HTTP face of the service (SPEC §3), with everything it needs handed in. Serve it with `createHttpServer`.
 *
 * @example createHttpServer(createHttpApp(deps)).listen(3000, '127.0.0.1')
 */
export function createHttpApp(deps: HttpDeps): Express {
  const { settings, logger, observer, edition, extraRouters = [] } = deps;
  const edge = edgeDeps(deps);
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
  const agents = agentRouteDeps(edge);
  // First what is asked for most: every router that a request passes by costs it.
  app.use(messageRoutes(agents), mediaRoutes(agents), runRoutes(agents));
  app.use(serviceRoutes(deps), docsRoutes(edge));
  app.use(loginRoutes(edge), sessionRoutes(edge), statechartRoutes(edge));
  app.use(pageAssets(), inspectorRoutes(edge));
  for (const { path, router, guarded } of extraRouters) {
    app.use(path, ...(guarded ? [edge.guards.page] : []), strictPageHeaders, router);
  }
  app.use(unknownPath);
  app.use(problemHandler(logger));
  return app;
}
