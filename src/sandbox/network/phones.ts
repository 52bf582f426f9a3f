import type { AgentView, QrView } from '../../actors/domain/agent-view.ts';
import type { GatewayApi } from '../../actors/domain/gateway-api.ts';
import type { SandboxNetwork } from './network.ts';
import type { Account, LineView } from './types.ts';

/** What the sandbox's pages and control API need of the actors. */
export type SandboxAgents = Pick<GatewayApi, 'list' | 'qr' | 'events' | 'ask'>;

/** An agent's number as its owner has it: the agent's own state, the phone it is linked to, and that phone's line. */
export interface PhoneView {
  agentId: string;
  /** What the service says of the agent; null for one that it doesn't know any more. */
  agentName: string | null;
  status: AgentView['status'] | null;
  reason: string | null;
  /** The code that can be scanned now. */
  qr: QrView | null;
  linked: boolean;
  account: Account | null;
  line: LineView | null;
  /** The state of each open device, e.g. `CONNECTED`. */
  devices: string[];
}

/** The QR of this moment, or null: most agents have none. */
function currentQr(agents: SandboxAgents, agentId: string): PhoneView['qr'] {
  try {
    return agents.qr(agentId);
  } catch {
    return null;
  }
}

/** Every agent of the service and every one that the network keeps a link for, in the order of their making. */
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
