import type { createDocument, ZodOpenApiResponseObject } from 'zod-openapi';
import { type ErrorCode, GatewayError } from '../../actors/domain/errors.ts';
import { CLOUD_CODES, CLOUD_ERRORS, type CloudCode } from '../../infra/cloud-errors.ts';
import type { HttpContext } from '../context.ts';
import type { Operation } from '../operation.ts';
import { cloudOperations } from '../operations.ts';
import { asCloudProblem } from '../routes/cloud-api/cloud-problem.ts';
import { cloudProblem } from './cloud-schemas.ts';
import { ERRORS } from './error-descriptions.ts';
import { operationsDocument } from './operations-document.ts';
import { allCodes, errorHeaders, headerObjects, TRACE_ID } from './responses.ts';
import { withSamples } from './samples.ts';

const DESCRIPTION = `The gateway as Meta's WhatsApp Cloud API, for clients and bots that were made for it: they change
their base URL to \`/cloud\`, and use the agentId as the id of the phone number and the agent's key as the access token.
The version in the path is any \`vNN.N\`, or left out.`;

const TAGS = {
  messages: 'Send and answer.',
  media: 'Files of messages, and the phone number.',
};

/** What is wrong with a body, by Meta's code. */
const BODY_CODES: CloudCode[] = [100, 131008, 131009, 131051];

/** Meta's codes for one of ours. */
function cloudCodes(code: ErrorCode): CloudCode[] {
  return code === 'INVALID_PAYLOAD' ? BODY_CODES : [CLOUD_CODES[code]];
}

/** One error response: all codes of a status, with an example of each. */
function errorResponse(status: number, byCode: Map<CloudCode, ErrorCode[]>): ZodOpenApiResponseObject {
  const codes = [...byCode];
  const examples = codes.map(([cloudCode, [code]]) => {
    const error = new GatewayError(code!, ERRORS[code!].message, { details: { cloudCode } });
    return [cloudCode, { value: asCloudProblem(error, TRACE_ID).body }] as const;
  });
  return {
    description: codes
      .map(([cloudCode, all]) => `\`${cloudCode}\`: ${all.map((code) => ERRORS[code].when).join('; or ')}.`)
      .join('\n\n'),
    headers: headerObjects(
      errorHeaders(
        status,
        codes.flatMap(([, all]) => all),
      ),
    ),
    content: { 'application/json': { schema: cloudProblem, examples: Object.fromEntries(examples) } },
  };
}

/** The error responses of an operation in Meta's form, one per status. */
function cloudErrorResponses(codes: ErrorCode[]): Record<string, ZodOpenApiResponseObject> {
  const byStatus = new Map<number, Map<CloudCode, ErrorCode[]>>();
  for (const code of allCodes(codes)) {
    for (const cloudCode of cloudCodes(code)) {
      const { status } = CLOUD_ERRORS[cloudCode];
      const ofStatus = byStatus.get(status) ?? new Map<CloudCode, ErrorCode[]>();
      byStatus.set(status, ofStatus.set(cloudCode, [...(ofStatus.get(cloudCode) ?? []), code]));
    }
  }
  return Object.fromEntries(
    [...byStatus].map(([status, byCode]) => [String(status), errorResponse(status, byCode)]),
  );
}

/**
 * The OpenAPI 3.1 document of the Cloud API.
 *
 * @param serverUrl where the service is reached: `APP_BASE_URL`.
 */
export function cloudDocument(
  serverUrl: string,
  table: Operation<HttpContext>[] = cloudOperations((text) => text),
): ReturnType<typeof createDocument> {
  const server = `${serverUrl}/cloud/v23.0`;
  const about = { title: 'Cloud API of the WhatsApp gateway', description: DESCRIPTION, server, tags: TAGS };
  return withSamples(operationsDocument({ ...about, errors: cloudErrorResponses }, table), server);
}
