import { defaultNumberOf } from '../../src/sandbox/control-api/phone-operations.ts';
import { type ApiAnswer, callApi } from './api.ts';
import { eventually } from './eventually.ts';
import { agentSpec, BEARER } from './fixtures.ts';

/** A service, and the network whose phones scan its QRs. */
interface Linkable {
  url: string;
  network: { scan(qr: string, number: string): unknown };
}

/** Creates an agent over HTTP; the answer has the QR. */
export function createAgent(
  url: string,
  agentId: string,
  changes?: Parameters<typeof agentSpec>[1],
): Promise<ApiAnswer> {
  return callApi(url, 'POST', '/sessions', agentSpec(agentId, changes), BEARER);
}

/** Waits until an agent is connected; a request that the service breaks off is repeated. */
export async function connected(url: string, agentId: string, ms?: number): Promise<void> {
  const isConnected = async () => {
    const answer = await callApi(url, 'GET', `/sessions/${agentId}`, undefined, BEARER).catch(() => null);
    return answer?.body.status === 'connected';
  };
  await eventually(`${agentId} to be connected`, isConnected, ms);
}

/** Creates an agent over HTTP, scans its QR on the network, and waits until it is connected. */
export async function linkAgent(
  { url, network }: Linkable,
  agentId: string,
  number = defaultNumberOf(agentId),
  changes?: Parameters<typeof agentSpec>[1],
): Promise<void> {
  const { body } = await createAgent(url, agentId, changes);
  await network.scan(String(body.qr), number);
  await connected(url, agentId);
}
