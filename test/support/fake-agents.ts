import type { SandboxAgents } from '../../src/sandbox/control-api/phones.ts';

/** The agents as the sandbox's control API sees them: none, except for `changes`. */
export function fakeAgents(changes: Partial<SandboxAgents> & Pick<SandboxAgents, 'events'>): SandboxAgents {
  const unexpected = () => {
    throw new Error('not in this test');
  };
  return { list: () => [], qr: unexpected, ask: unexpected, ...changes };
}
