import type { Response } from 'express';

/** Calls `look` just before the JSON response is written, to set headers from the state of that moment. */
export function beforeAnswer(res: Response, look: () => void): void {
  res.locals.beforeAnswer = look;
}

/**
 * Writes a JSON answer that depends on the moment: no cache keeps it. By hand, since `res.json` parses and formats
 * again the content type that it sets itself.
 */
export function sendJson(
  res: Response,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  const { beforeAnswer: look } = res.locals as { beforeAnswer?: () => void };
  look?.();
  const text = JSON.stringify(body);
  res.statusCode = status;
  res.setHeader('Cache-Control', 'no-store');
  res.setHeader('Content-Type', 'application/json; charset=utf-8');
  res.setHeader('Content-Length', Buffer.byteLength(text));
  for (const name in headers) res.setHeader(name, headers[name]!);
  res.end(text);
}
