import { fileURLToPath } from 'node:url';
import express, { type RequestHandler, type Router } from 'express';

/** Where the build puts the browser pages; the same from `src/` and from `dist/`. */
const WEB = fileURLToPath(new URL('../../../dist/web/', import.meta.url));

/** Answers with a page that the build made, by its folder's name: `inspector`, `phone`. */
export function sendPage(name: string): RequestHandler {
  return function page(_req, res, next) {
    // Its assets carry their content's hash; the page itself is asked for anew, after an update or a log-out too.
    res.set('Cache-Control', 'no-cache');
    res.sendFile(`${name}/index.html`, { root: WEB, cacheControl: false, etag: false }, (error) => {
      if (error) next(error);
    });
  };
}

/** The scripts and styles of the pages, at `/web/assets`: code, no data, so nobody is asked who they are. */
export function pageAssets(): Router {
  const router = express.Router();
  router.use(
    '/web/assets',
    express.static(`${WEB}assets`, { immutable: true, maxAge: '1y', index: false, redirect: false }),
  );
  return router;
}
