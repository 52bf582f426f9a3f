import type { Response } from 'express';
import { z } from 'zod';
import type { ZodOpenApiOverrideMetaContext } from 'zod-openapi';
import type { HttpContext } from '../context.ts';
import { sameSecret, unauthorized } from '../middleware/agent-auth.ts';
import { BODY_LIMITS, formBody } from '../middleware/json-body.ts';
import { isBrowser, logIn, logOut } from '../middleware/operator-auth.ts';
import { pageHeaders } from '../middleware/security-headers.ts';
import type { Refusal } from '../middleware/wrong-keys.ts';
import { type Operation, operationOn, redirectTo } from '../operation.ts';
import { loginPage } from '../pages/login-page.ts';

const operation = operationOn<HttpContext>();
const login = { tag: 'service', access: 'open' } as const;
const HOME = '/inspector';

/** A path of this service; anything else becomes the inspector, so that no link to the form leads elsewhere. */
const target = z
  .string()
  .max(2_000)
  .regex(/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/)
  .catch(HOME)
  .meta({ description: 'The path to go on to.', example: HOME });

const shown = z.object({
  to: target,
  fault: z.enum(['wrong', 'often']).optional().catch(undefined),
});
const form = z
  .object({
    token: z
      .string()
      .max(4_096)
      .catch('')
      .meta({
        example: 'the-token',
        override: ({ jsonSchema }: ZodOpenApiOverrideMetaContext) => {
          delete jsonSchema.default;
        },
      }),
    to: target,
  })
  .meta({
    override: ({ jsonSchema }: ZodOpenApiOverrideMetaContext) => {
      // A missing token is a wrong one, not a malformed request.
      jsonSchema.required = ['token'];
    },
  });

/** Redirects a browser to the form; throws the error for other clients. */
function refuse(wrongLogins: Refusal, res: Response, to: string): void {
  const error = wrongLogins(res.req, unauthorized());
  if (!isBrowser(res.req)) throw error;
  const fault = error.code === 'RATE_LIMITED' ? 'often' : 'wrong';
  res.redirect(303, `/login?fault=${fault}&to=${encodeURIComponent(to)}`);
}

/** `/login` and `/logout`, for browsers while `SESSIONS_TOKEN` is set. */
export const loginOperations: Operation<HttpContext>[] = [
  operation({
    ...login,
    method: 'get',
    path: '/login',
    operationId: 'showLogin',
    summary: 'The log-in form, as a page',
    query: shown,
    before: () => [pageHeaders],
    responses: {
      200: { description: 'The form.', types: { 'text/html': null } },
      303: redirectTo('There is nothing to log in to: no `SESSIONS_TOKEN` is set.'),
    },
    run: async ({ settings, edition }, { query: { to, fault } }, res) => {
      res.set('Cache-Control', 'no-store');
      if (settings.SESSIONS_TOKEN === undefined) return res.redirect(303, to);
      res.type('html').send(await loginPage({ to, fault, notice: edition?.notice }));
    },
  }),
  operation({
    ...login,
    method: 'post',
    path: '/login',
    operationId: 'logIn',
    summary: 'Log a browser in',
    description:
      'Sets a cookie (HttpOnly, SameSite=Strict) that may read what `SESSIONS_TOKEN` guards, and change ' +
      'nothing; it ends with the browser, after twelve hours at the latest. Five failures in a minute from ' +
      'one address, then it has to wait. Browsers are led back to the form instead of getting an error.',
    before: () => [pageHeaders],
    body: form,
    bodyType: 'application/x-www-form-urlencoded',
    readBody: () => formBody(BODY_LIMITS.form),
    responses: { 303: redirectTo('Logged in, or back to the form.') },
    codes: ['UNAUTHORIZED', 'RATE_LIMITED'],
    run: ({ settings, wrongLogins }, { body: { to, token: presented } }, res) => {
      const token = settings.SESSIONS_TOKEN;
      res.set('Cache-Control', 'no-store');
      if (token === undefined) return res.redirect(303, to);
      // The right token is never refused for the failures of others at its address.
      if (!sameSecret(presented, token)) return refuse(wrongLogins, res, to);
      logIn(res.req, res, token);
      res.redirect(303, to);
    },
  }),
  operation({
    ...login,
    method: 'post',
    path: '/logout',
    operationId: 'logOut',
    summary: 'Log the browser out',
    responses: { 303: redirectTo('Back to the form.') },
    run: (_context, _input, res) => {
      logOut(res.req, res);
      res.set('Cache-Control', 'no-store').redirect(303, '/login');
    },
  }),
];
