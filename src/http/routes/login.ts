import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import { sameSecret, unauthorized } from '../middleware/agent-auth.ts';
import { BODY_LIMITS, formBody, parseWith } from '../middleware/json-body.ts';
import { isBrowser, logIn, logOut } from '../middleware/operator-auth.ts';
import { pageHeaders } from '../middleware/security-headers.ts';
import { OF_PEOPLE, wrongKeys } from '../middleware/wrong-keys.ts';
import { loginPage } from '../pages/login-page.ts';
import type { HttpDeps } from '../ports.ts';
import { resource } from '../resource.ts';

const HOME = '/inspector';

/** A path of this service, whatever was asked for: nobody is led elsewhere by a link to the form. */
const target = z
  .string()
  .max(2_000)
  .regex(/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/)
  .catch(HOME);

const shown = z.object({ to: target, fault: z.enum(['wrong', 'often']).optional().catch(undefined) });
const form = z.object({ to: target, token: z.string().max(4_096).catch('') });

/**
 * `/login` and `/logout`: the way in for browsers while `SESSIONS_TOKEN` is set. What fails leads a browser back to
 * the form; anyone else gets JSON: `UNAUTHORIZED`, or `RATE_LIMITED` after five failures in a minute. The right token
 * is never refused for what others at its address do.
 */
export function loginRoutes({ settings, edition }: HttpDeps): Router {
  const router = Router({ caseSensitive: true });
  const token = settings.SESSIONS_TOKEN;
  const refusal = wrongKeys(OF_PEOPLE);

  /** Leads a browser back to the form; answers others with the error. */
  function refuse(req: Request, res: Response, to: string): void {
    const error = refusal(req, unauthorized());
    if (!isBrowser(req)) throw error;
    const fault = error.code === 'RATE_LIMITED' ? 'often' : 'wrong';
    res.redirect(303, `/login?fault=${fault}&to=${encodeURIComponent(to)}`);
  }

  resource(router, '/login', {
    get: [
      pageHeaders,
      async (req, res) => {
        const { to, fault } = parseWith(shown, req.query);
        res.set('Cache-Control', 'no-store');
        if (token === undefined) return res.redirect(303, to);
        res.type('html').send(await loginPage({ to, fault, notice: edition?.notice }));
      },
    ],
    post: [
      pageHeaders,
      formBody(BODY_LIMITS.form),
      (req, res) => {
        const { to, token: presented } = parseWith(form, req.body ?? {});
        res.set('Cache-Control', 'no-store');
        if (token === undefined) return res.redirect(303, to);
        if (!sameSecret(presented, token)) return refuse(req, res, to);
        logIn(req, res, token);
        res.redirect(303, to);
      },
    ],
  });

  resource(router, '/logout', {
    post: [
      (req, res) => {
        logOut(req, res);
        res.set('Cache-Control', 'no-store').redirect(303, '/login');
      },
    ],
  });

  return router;
}
