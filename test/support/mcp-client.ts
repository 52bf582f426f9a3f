import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

/** Connects the official client of MCP as an agent; it lists the tools, so that it checks results by their schemas. */
export async function connectMcp(url: string, agentId: string, key: string): Promise<Client> {
  const client = new Client({ name: 'test', version: '1.0.0' });
  const requestInit = { headers: { authorization: `Bearer ${key}` } };
  const transport = new StreamableHTTPClientTransport(new URL(`${url}/mcp/${agentId}`), { requestInit });
  // The types of its optional fields are not exact.
  await client.connect(transport as never);
  await client.listTools();
  return client;
}
