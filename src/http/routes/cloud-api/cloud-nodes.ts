import type { Response } from 'express';
import { TEXTS } from '../../../actors/domain/error-texts.ts';
import { GatewayError } from '../../../actors/domain/errors.ts';
import type { StoredFile } from '../../../actors/domain/ports/files.ts';
import { mediaIdOf, partsOfMediaId, waIdOf } from '../../../infra/cloud-ids.ts';
import type { HttpContext } from '../../context.ts';
import { agentOf } from '../../middleware/agent-auth.ts';
import {
  cloudExamples,
  mediaForm,
  node,
  nodePath,
  nodeQuery,
  success,
  uploadedMedia,
} from '../../openapi/cloud-schemas.ts';
import { agentPath } from '../../openapi/request-schemas.ts';
import { type Operation, operationOn } from '../../operation.ts';
import { storeUpload } from '../agents/stored-files.ts';

const operation = operationOn<HttpContext>();

/** Fields of an upload besides its file. */
const UPLOAD_FIELDS = ['messaging_product', 'type', 'upload_strategy'];

/** An agent as a phone number of Meta's; what is not known here is left out. */
function phoneNumber({ system }: HttpContext, agentId: string) {
  const { agentName, account, live } = system.describe(agentId);
  return {
    id: agentId,
    ...(account && { display_phone_number: `+${waIdOf(account)}` }),
    verified_name: agentName,
    quality_rating: 'UNKNOWN',
    status: live.isConnected ? 'CONNECTED' : 'DISCONNECTED',
  };
}

/** The file of a media id. @throws GatewayError `NOT_FOUND`, also when it is of another agent than `phoneNumberId` */
async function mediaFile(
  { files }: HttpContext,
  res: Response,
  mediaId: string,
  phoneNumberId: string | undefined,
): Promise<StoredFile> {
  const agent = agentOf(res);
  const isOwn = phoneNumberId === undefined || phoneNumberId === agent.agentId;
  const parts = isOwn ? partsOfMediaId(mediaId) : null;
  const file = parts && (await files.find(agent, parts.fileId));
  if (!file) throw new GatewayError('NOT_FOUND', TEXTS.NOT_FOUND.file);
  return file;
}

/** Those fields of a node that are asked for, and its id. */
function picked(fields: Record<string, unknown>, wanted: string | undefined): Record<string, unknown> {
  if (!wanted) return fields;
  const names = ['id', ...wanted.split(',').map((name) => name.trim())];
  return Object.fromEntries(Object.entries(fields).filter(([name]) => names.includes(name)));
}

const OBJECT_CODES = ['SESSION_NOT_FOUND', 'NOT_FOUND', 'DATABASE_UNAVAILABLE'] as const;

/** `POST /{agentId}/media`, and `GET` and `DELETE /{nodeId}`. */
export const cloudNodeOperations: Operation<HttpContext>[] = [
  operation({
    method: 'post',
    path: '/{agentId}/media',
    operationId: 'uploadMedia',
    summary: 'Upload a media',
    description: 'A file of at most 64·1024·1024 bytes, for messages of this agent.',
    tag: 'media',
    access: 'agent',
    params: agentPath,
    bodyTypes: { 'multipart/form-data': mediaForm },
    responses: { 200: { description: 'Stored.', json: uploadedMedia, example: cloudExamples.uploaded } },
    codes: ['SESSION_NOT_FOUND', 'RATE_LIMITED', 'SHUTTING_DOWN', 'DATABASE_UNAVAILABLE'],
    run: async (context, _input, res) => {
      const { id } = await storeUpload(context, res, UPLOAD_FIELDS);
      return { id: mediaIdOf(agentOf(res).agentId, id) };
    },
  }),
  operation({
    method: 'get',
    path: '/{nodeId}',
    operationId: 'getNode',
    summary: 'Where a media is, or what an agent is',
    description: 'A media with the link that downloads it, or the agent as a phone number.',
    tag: 'media',
    access: 'agent',
    params: nodePath,
    query: nodeQuery,
    responses: { 200: { description: 'The node.', json: node, example: cloudExamples.media } },
    codes: [...OBJECT_CODES],
    run: async (context, { params: { nodeId }, query }, res) => {
      const { agentId } = agentOf(res);
      if (nodeId === agentId) return picked(phoneNumber(context, agentId), query.fields);
      const file = await mediaFile(context, res, nodeId, query.phone_number_id);
      const media = {
        messaging_product: 'whatsapp',
        id: nodeId,
        url: context.fileLinks.url(file),
        mime_type: file.mimetype,
        sha256: file.sha256,
        file_size: file.size,
      };
      return picked(media, query.fields);
    },
  }),
  operation({
    method: 'delete',
    path: '/{nodeId}',
    operationId: 'deleteMedia',
    summary: 'Delete a media',
    tag: 'media',
    access: 'agent',
    params: nodePath,
    query: nodeQuery.pick({ phone_number_id: true }),
    responses: { 200: { description: 'Deleted.', json: success, example: cloudExamples.success } },
    codes: [...OBJECT_CODES],
    run: async (context, { params: { nodeId }, query }, res) => {
      const { id } = await mediaFile(context, res, nodeId, query.phone_number_id);
      await context.files.remove(agentOf(res), id);
      return { success: true };
    },
  }),
];
