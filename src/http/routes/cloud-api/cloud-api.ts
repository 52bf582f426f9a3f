import type { ErrorRequestHandler, RequestHandler } from 'express';
import type { HttpContext } from '../../context.ts';
import { problemHandler, unknownPath } from '../../middleware/error-handler.ts';
import { cloudDocument } from '../../openapi/cloud-document.ts';
import { documentFiles } from '../../openapi/document-files.ts';
import type { Operation } from '../../operation.ts';
import { operationRoutes } from '../../operation-routes.ts';
import { documentOperations } from '../documents.ts';
import { asCloudProblem } from './cloud-problem.ts';

/** Takes a version out of the path: there is one behaviour for all. No agentId has a dot. */
const withoutVersion: RequestHandler = function withoutVersion(req, _res, next) {
  req.url = req.url.replace(/^\/v\d+\.\d+(?=\/)/, '');
  next();
};

/** The Cloud API with its document, for a path; all of its errors are in Meta's form. */
export function cloudApi(
  context: HttpContext,
  operations: Operation<HttpContext>[],
): (RequestHandler | ErrorRequestHandler)[] {
  const { settings, logger, guards } = context;
  const document = documentFiles(() => cloudDocument(settings.APP_BASE_URL, operations));
  return [
    withoutVersion,
    operationRoutes(documentOperations, { document }),
    operationRoutes(operations, context, guards),
    unknownPath,
    problemHandler(logger, asCloudProblem),
  ];
}
