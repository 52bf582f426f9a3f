import { Router } from 'express';
import { tokenGuard } from '../auth.ts';
import { sendPage } from '../pages.ts';
import type { HttpDeps } from '../ports.ts';
import { resource } from '../routing.ts';
import { pageHeaders } from '../security.ts';

/** `GET /inspector`: the live state chart of every agent, for people (SPEC §3). */
export function inspectorRoutes({ settings }: HttpDeps): Router {
  const router = Router({ caseSensitive: true });
  const first = [tokenGuard(settings.SESSIONS_TOKEN), pageHeaders];
  resource(router, '/inspector', { get: [...first, sendPage('inspector')] });
  return router;
}
