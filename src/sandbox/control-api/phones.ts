import type { z } from 'zod';
import type { AgentView, QrView } from '../../actors/domain/agent-view.ts';
import type { CommandOf } from '../../actors/domain/commands.ts';
import type { GatewayApi } from '../../actors/domain/gateway-api.ts';
import type { SandboxNetwork } from '../network/network.ts';
import type { phone } from './answer-schemas.ts';

/** An agent as the control API shows it. */
export type SandboxAgent = Pick<AgentView, 'agentId' | 'agentName' | 'status' | 'reason'>;

/** The part of the actors that the control API works with. */
export interface SandboxAgents extends Pick<GatewayApi, 'qr' | 'events'> {
  list(): SandboxAgent[];
  ask(agentId: string, command: CommandOf<'session.create'>): Promise<{ qr: QrView | null }>;
  ask(agentId: string, command: CommandOf<'session.remove'>): Promise<unknown>;
}

/** An agent's state, the phone it is linked to, and that phone's line. */
export type PhoneView = z.infer<typeof phone>;

/** The QR of this moment, or null. */
function currentQr(agents: SandboxAgents, agentId: string): PhoneView['qr'] {
  try {
    return agents.qr(agentId);
  } catch {
    return null;
  }
}

/** Every agent of the service, and every agent that the network keeps a link of; in the order of their creation. */
export function phonesOf(network: SandboxNetwork, agents: SandboxAgents): PhoneView[] {
  const known = new Map(agents.list().map((agent) => [agent.agentId, agent]));
  const links = new Map(network.tokens.agents().map(({ agentId, account }) => [agentId, account]));
  return [...new Set([...known.keys(), ...links.keys()])].map((agentId) => {
    const agent = known.get(agentId);
    const account = links.get(agentId) ?? null;
    return {
      agentId,
      agentName: agent?.agentName ?? null,
      status: agent?.status ?? null,
      reason: agent?.reason ?? null,
      qr: agent?.status === 'awaiting_qr' ? currentQr(agents, agentId) : null,
      linked: account !== null,
      account,
      line: account && network.faults.view(account.pn),
      devices: account ? network.devicesOf(account.pn).map((device) => device.state) : [],
    };
  });
}
