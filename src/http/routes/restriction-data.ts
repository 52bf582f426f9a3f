import type { AgentView } from '../../actors/domain/agent-view.ts';

/** A restriction as answers and events show it, its times as ISO; null when there is none. */
export function restrictionData(restriction: AgentView['restriction']) {
  if (!restriction) return null;
  const { kind, since, until } = restriction;
  return { kind, since: new Date(since), ...(until !== undefined && { until: new Date(until) }) };
}
