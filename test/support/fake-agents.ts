import type { SandboxAgents } from '../../src/sandbox/control-api/phones.ts';

/** The actors as the sandbox's control API sees them: none, but for what a test says. */
export function fakeAgents(told: Partial<SandboxAgents> & Pick<SandboxAgents, 'events'>): SandboxAgents {
  const unexpected = () => {
    throw new Error('not in this test');
  };
  return { list: () => [], qr: unexpected, ask: unexpected, ...told };
}
