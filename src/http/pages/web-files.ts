import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import express, { type Response, type Router } from 'express';

/** Where the build puts the browser pages; the same from `src/` and from `dist/`. */
const BUILT = fileURLToPath(new URL('../../../dist/web/', import.meta.url));

/** Responds with a page of the build, by its folder's name: `inspector`, `phone`. Rejects when it is missing. */
export function sendPage(name: string): (res: Response) => Promise<void> {
  return (res) => {
    // Its assets carry a hash of their content; the page itself is revalidated, for updates and log-outs.
    res.set('Cache-Control', 'no-cache');
    return new Promise((resolve, reject) => {
      res.sendFile(`${name}/index.html`, { root: BUILT, cacheControl: false, etag: false }, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  };
}

/** Scripts and styles of the pages, at `/web/assets`: code without data, so they are public. */
export function pageAssets(): Router {
  const router = express.Router();
  router.use(
    '/web/assets',
    express.static(`${BUILT}assets`, { immutable: true, maxAge: '1y', index: false, redirect: false }),
  );
  return router;
}

const SOURCES = new URL('../../../web/', import.meta.url);
const read = new Map<string, Promise<string>>();

/** A source file of the browser pages that answers are made of, by path below `web/`; read once. */
export function webFile(path: string): Promise<string> {
  const known = read.get(path) ?? readFile(new URL(path, SOURCES), 'utf8');
  read.set(path, known);
  known.catch(() => read.delete(path));
  return known;
}
