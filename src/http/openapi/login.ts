import { z } from 'zod';
import type { ZodOpenApiPathsObject } from 'zod-openapi';
import { other, problems, redirect } from './responses.ts';

const tags = ['service'];
const to = z.string().optional().meta({ description: 'The path to go on to.', example: '/inspector' });

/** The way in for browsers while `SESSIONS_TOKEN` is set. */
export function loginOperations(): ZodOpenApiPathsObject {
  return {
    '/login': {
      get: {
        operationId: 'showLogin',
        summary: 'The log-in form, as a page',
        tags,
        security: [],
        requestParams: { query: z.object({ to, fault: z.enum(['wrong', 'often']).optional() }) },
        responses: {
          200: other('The form.', 'text/html'),
          303: redirect('There is nothing to log in to: no `SESSIONS_TOKEN` is set.'),
          ...problems(),
        },
      },
      post: {
        operationId: 'logIn',
        summary: 'Log a browser in',
        description:
          'Sets a cookie (HttpOnly, SameSite=Strict) that may read what `SESSIONS_TOKEN` guards, and change ' +
          'nothing; it ends with the browser, after twelve hours at the latest. Five failures in a minute from ' +
          'one address, then it has to wait. Browsers are led back to the form instead of getting an error.',
        tags,
        security: [],
        requestBody: {
          required: true,
          content: {
            'application/x-www-form-urlencoded': {
              schema: z.object({ token: z.string().meta({ example: 'the-token' }), to }),
            },
          },
        },
        responses: {
          303: redirect('Logged in, or back to the form.'),
          ...problems('UNAUTHORIZED', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE', 'RATE_LIMITED'),
        },
      },
    },
    '/logout': {
      post: {
        operationId: 'logOut',
        summary: 'Log the browser out',
        tags,
        security: [],
        responses: { 303: redirect('Back to the form.'), ...problems() },
      },
    },
  };
}
