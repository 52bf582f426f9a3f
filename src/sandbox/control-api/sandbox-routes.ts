import { Router } from 'express';
import { documentFiles } from '../../http/openapi/document-files.ts';
import { operationsDocument } from '../../http/openapi/operations-document.ts';
import { operationRoutes } from '../../http/operation-routes.ts';
import { sendPage } from '../../http/pages/web-files.ts';
import type { Edition, ExtraRouter } from '../../http/ports.ts';
import { documentOperations } from '../../http/routes/documents.ts';
import type { Control } from './control.ts';
import { CONTROL_ABOUT, CONTROL_OPERATIONS } from './control-operations.ts';

/** Marks a service on the simulated WhatsApp. */
export const SANDBOX_EDITION: Edition = {
  headers: { 'X-Sandbox': 'true' },
  notice: 'SANDBOX: WhatsApp is simulated',
  documents: [{ name: 'Sandbox', url: '/sandbox/openapi.json' }],
};

/**
 * The OpenAPI 3.1 document of the sandbox's control API, made from the schemas that validate it.
 *
 * @param serverUrl where the service is reached: `APP_BASE_URL`.
 */
export function sandboxDocument(serverUrl: string): ReturnType<typeof operationsDocument> {
  return operationsDocument({ ...CONTROL_ABOUT, server: `${serverUrl}/sandbox` }, CONTROL_OPERATIONS);
}

/** The virtual phone's page; `/sandbox` redirects to it. */
function phonePage(): Router {
  const phone = sendPage('phone');
  return Router()
    .get('/', (_req, res) => res.redirect(303, '/sandbox/phone'))
    .get('/phone', (_req, res) => phone(res));
}

/** All below `/sandbox`: the virtual phone's page, the control API, and its document. */
export function sandboxRouters(control: Control, serverUrl: string): ExtraRouter[] {
  const api = Router().use(
    operationRoutes(documentOperations, { document: documentFiles(() => sandboxDocument(serverUrl)) }),
    operationRoutes(CONTROL_OPERATIONS, control),
  );
  return [
    { path: '/sandbox', router: phonePage(), guarded: true },
    { path: '/sandbox', router: api, guarded: true },
  ];
}
