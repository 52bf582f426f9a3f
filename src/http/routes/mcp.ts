import type { Response } from 'express';
import { z } from 'zod';
import type { ToJid } from '../../infra/content-schemas.ts';
import type { HttpContext } from '../context.ts';
import { invalid, problemBody, reportedProblem } from '../middleware/error-handler.ts';
import { BODY_LIMITS, jsonBody, parseWith } from '../middleware/json-body.ts';
import { traceIdOf } from '../middleware/trace.ts';
import * as examples from '../openapi/examples.ts';
import { agentPath } from '../openapi/request-schemas.ts';
import { type Operation, operationOn } from '../operation.ts';
import { sendJson } from '../send-json.ts';
import { type McpTool, mcpTools } from './mcp-tools.ts';

/** A message of JSON-RPC 2.0; the SDK checks the rest of it. MCP has no batches since 2025-06-18. */
const rpcMessage = z
  .looseObject({
    jsonrpc: z.literal('2.0'),
    id: z
      .union([z.string().max(256), z.int()])
      .optional()
      .meta({ description: 'Missing in a notification.' }),
    method: z.string().optional(),
    params: z.looseObject({}).optional(),
  })
  .meta({ id: 'McpMessage', example: examples.mcpCall });

const rpcAnswer = z
  .object({
    jsonrpc: z.literal('2.0'),
    id: z.union([z.string(), z.int()]),
    result: z.looseObject({}).optional(),
    error: z
      .looseObject({ code: z.int(), message: z.string() })
      .optional()
      .meta({ description: 'Of the protocol: an unknown method or tool. A tool that failed is a result.' }),
  })
  .meta({ id: 'McpAnswer' });

const versionHeader = z.object({
  'MCP-Protocol-Version': z.string().meta({
    description: 'The version that `initialize` has agreed on.',
    example: '2025-11-25',
  }),
});

/** The result of a call, for programs and as text for models that are given no other. */
function toolResult(value: object) {
  return {
    content: [{ type: 'text' as const, text: JSON.stringify(value) }],
    structuredContent: { ...value },
  };
}

/** Calls a tool; an error of ours is a result that says so, with the body of every other error of the API. */
async function callTool(context: HttpContext, res: Response, tool: McpTool, args: unknown) {
  try {
    return toolResult(await tool.run(context, res, parseWith(tool.input, args) as never));
  } catch (thrown) {
    const error = reportedProblem(thrown, res, context.logger);
    return { ...toolResult(problemBody(error, traceIdOf(res))), isError: true };
  }
}

/** `POST /mcp/{agentId}`: the Model Context Protocol over Streamable HTTP, without sessions and streams. */
export function mcpOperation(toJid: ToJid): Operation<HttpContext> {
  let tools: Map<string, McpTool> | undefined;
  return operationOn<HttpContext>()({
    method: 'post',
    path: '/mcp/{agentId}',
    operationId: 'callMcp',
    summary: 'The Model Context Protocol, for AI assistants',
    description:
      'Streamable HTTP, answered in JSON: tools that read the chats, and with `MCP_WRITE=true` tools that send and ' +
      'hand over. A tool that fails is a result with `isError`, whose `structuredContent` is the body of an error.',
    tag: 'agents',
    access: 'agent',
    params: agentPath,
    requestHeaders: versionHeader.partial(),
    body: rpcMessage,
    readBody: ({ budgets }) => jsonBody(BODY_LIMITS.text, { budget: budgets.text }),
    responses: {
      200: { description: 'The answer to a request.', json: rpcAnswer, example: examples.mcpResult },
      202: { description: 'A notification was received.' },
    },
    codes: ['SESSION_NOT_FOUND'],
    run: async (context, { body: message }, res) => {
      const { answerMcp } = await import('./mcp-server.ts');
      tools ??= mcpTools(toJid, context.settings.MCP_WRITE);
      const protocolVersion = res.req.get('MCP-Protocol-Version');
      const answer = await answerMcp(message, protocolVersion, {
        tools,
        call: (tool, args) => callTool(context, res, tool, args),
      });
      if (answer.status === 202) return void res.status(202).end();
      const json = (await answer.json()) as z.output<typeof rpcAnswer>;
      if (answer.status !== 200)
        throw invalid([{ path: '', message: String(json.error?.message).slice(0, 300) }]);
      sendJson(res, 200, json);
    },
  });
}
