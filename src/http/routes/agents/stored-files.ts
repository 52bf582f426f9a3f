import type { Response } from 'express';
import { z } from 'zod';
import { TEXTS } from '../../../actors/domain/error-texts.ts';
import { GatewayError } from '../../../actors/domain/errors.ts';
import type { StoredFile } from '../../../actors/domain/ports/files.ts';
import type { HttpContext } from '../../context.ts';
import { agentOf } from '../../middleware/agent-auth.ts';
import { receiveFile } from '../../middleware/file-body.ts';
import * as examples from '../../openapi/examples.ts';
import { agentPath, fileForm, filePath, linkedFilePath, linkQuery } from '../../openapi/request-schemas.ts';
import { storedFile } from '../../openapi/response-schemas.ts';
import { type Operation, operationOn, type ResponseDescription } from '../../operation.ts';
import { sendAnswer } from '../../resource.ts';

const operation = operationOn<HttpContext>();

/** A download, whole or in part. */
function download(description: string): ResponseDescription {
  return {
    description,
    types: { '*/*': null },
    headers: {
      'Content-Disposition': {
        description: 'Always `attachment`; the name of the file, when it has one (RFC 6266).',
        required: true,
        example: 'attachment; filename="invoice.pdf"',
      },
      ETag: { description: 'The SHA-256 of the file.', required: true, example: `"${examples.file.sha256}"` },
      'Accept-Ranges': { description: '`bytes`', example: 'bytes' },
    },
  };
}

/** What both ways to a file answer with. */
export const downloads: Record<number, ResponseDescription> = {
  200: download('The bytes, with the media type of the file.'),
  206: download('The range of the bytes that `Range` asks for.'),
  304: { description: 'The file is the one of `If-None-Match`.' },
};

/** Sends the bytes as a download, whatever the file is: nothing of it is shown or run by a browser. */
export async function sendFile(res: Response, file: StoredFile | null): Promise<void> {
  if (!file) throw new GatewayError('NOT_FOUND', TEXTS.NOT_FOUND.file);
  res.attachment(file.filename);
  // As it is: Express would add a charset that nothing is known of.
  res.setHeader('Content-Type', file.mimetype);
  res.setHeader('ETag', `"${file.sha256}"`);
  res.setHeader('Cache-Control', 'private, no-cache');
  const options = { cacheControl: false, dotfiles: 'allow' } as const;
  const failure = await new Promise<(Error & { status?: number }) | undefined>((resolve) =>
    res.sendFile(file.path, options, resolve),
  );
  // A client that went away needs no answer.
  if (!failure || res.destroyed || res.headersSent) return;
  for (const name of ['Content-Disposition', 'ETag', 'Last-Modified', 'Accept-Ranges'])
    res.removeHeader(name);
  if (failure.status === 404) throw new GatewayError('NOT_FOUND', TEXTS.NOT_FOUND.file);
  if (failure.status !== 416) throw failure;
  res.setHeader('Content-Range', `bytes */${file.size}`);
  throw new GatewayError('RANGE_NOT_SATISFIABLE', TEXTS.RANGE_NOT_SATISFIABLE.size(file.size));
}

/** Stores the file of an upload by the agent of a request; a form may have `fields` beside it. */
export async function storeUpload(
  { files, uploads, stopping }: HttpContext,
  res: Response,
  fields?: readonly string[],
): Promise<StoredFile> {
  if (stopping?.aborted) throw new GatewayError('SHUTTING_DOWN', TEXTS.SHUTTING_DOWN.service);
  const agent = agentOf(res);
  return uploads.run(agent.agentId, () =>
    receiveFile(res.req, res, (bytes, claim) => files.add(agent, bytes, claim), fields),
  );
}

/** `POST /agents/{agentId}/files`. */
const uploadFile = operation({
  method: 'post',
  path: '/agents/{agentId}/files',
  operationId: 'uploadFile',
  summary: 'Store a file',
  description:
    'At most 64·1024·1024 bytes, as the field `file` of a form, or as the body with its own media type. The bytes ' +
    'decide the type; the claimed one counts for text, CSV, JSON and the like. `url` is a link that downloads the file ' +
    'without a key until it expires.',
  tag: 'agents',
  access: 'agent',
  params: agentPath,
  bodyTypes: {
    'multipart/form-data': fileForm,
    'application/octet-stream': z.string().meta({ format: 'binary' }),
  },
  responses: {
    201: {
      description: 'Stored.',
      json: storedFile,
      example: examples.file,
      headers: {
        Location: {
          description: 'Where the file is, for the agent.',
          required: true,
          example: `/agents/support-bot/files/${examples.file.id}`,
        },
      },
    },
  },
  codes: ['SESSION_NOT_FOUND', 'RATE_LIMITED', 'SHUTTING_DOWN', 'DATABASE_UNAVAILABLE'],
  run: async (context, _input, res) => {
    const file = await storeUpload(context, res);
    const { id, mimetype, size, sha256, expiresAt } = file;
    sendAnswer(res, {
      status: 201,
      headers: { Location: `/agents/${agentOf(res).agentId}/files/${id}` },
      body: { id, mimetype, size, sha256, expiresAt, url: context.fileLinks.url(file) },
    });
  },
});

/** `GET /agents/{agentId}/files/{id}`. */
const getFile = operation({
  method: 'get',
  path: '/agents/{agentId}/files/{id}',
  operationId: 'getFile',
  summary: 'Download a file',
  tag: 'agents',
  access: 'agent',
  params: filePath,
  responses: downloads,
  codes: ['SESSION_NOT_FOUND', 'NOT_FOUND', 'RANGE_NOT_SATISFIABLE', 'DATABASE_UNAVAILABLE'],
  run: async ({ files }, { params: { id } }, res) => {
    await sendFile(res, await files.find(agentOf(res), id));
  },
});

/** `DELETE /agents/{agentId}/files/{id}`. */
const deleteFile = operation({
  method: 'delete',
  path: '/agents/{agentId}/files/{id}',
  operationId: 'deleteFile',
  summary: 'Delete a file',
  description: 'A queued message that needs the file is sent nevertheless.',
  tag: 'agents',
  access: 'agent',
  params: filePath,
  responses: { 204: { description: 'Deleted.' } },
  codes: ['SESSION_NOT_FOUND', 'NOT_FOUND', 'DATABASE_UNAVAILABLE'],
  run: async ({ files }, { params: { id } }, res) => {
    if (!(await files.remove(agentOf(res), id))) throw new GatewayError('NOT_FOUND', TEXTS.NOT_FOUND.file);
    res.status(204).end();
  },
});

/** `GET /files/{id}`: the signature takes the place of a key. */
const getLinkedFile = operation({
  method: 'get',
  path: '/files/{id}',
  operationId: 'getLinkedFile',
  summary: 'Download a file by its link',
  description: 'The link is the `url` of a stored file; it needs no key.',
  tag: 'agents',
  access: 'open',
  params: linkedFilePath,
  query: linkQuery,
  responses: downloads,
  codes: ['LINK_INVALID', 'NOT_FOUND', 'RANGE_NOT_SATISFIABLE', 'DATABASE_UNAVAILABLE'],
  run: async ({ files, fileLinks }, { params: { id }, query }, res) => {
    if (!fileLinks.isValid({ id, ...query })) throw new GatewayError('LINK_INVALID', TEXTS.LINK_INVALID.link);
    await sendFile(res, await files.findLinked(id));
  },
});

/** Files: upload, download with the key or by a signed link, delete. */
export const fileOperations: Operation<HttpContext>[] = [uploadFile, getFile, deleteFile, getLinkedFile];
