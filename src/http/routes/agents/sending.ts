import type { Request } from 'express';
import type { SendOutcome } from '../../../actors/domain/gateway-api.ts';
import type { Answer } from '../../resource.ts';

/** True when the caller wants the 202 at once: `Prefer: respond-async` (RFC 7240), alone or in a list. */
export function prefersAsync(req: Request): boolean {
  const preferences = (req.get('Prefer') ?? '').split(',');
  return preferences.some((text) => text.split(';')[0]!.trim().toLowerCase() === 'respond-async');
}

/**
 * The answer to a send: 200 once WhatsApp has it, else 202 with where to ask. `extra` joins either body.
 */
export function sendOutcomeAnswer(
  agentId: string,
  outcome: SendOutcome,
  respondAsync: boolean,
  extra: Record<string, unknown> = {},
): Answer {
  if (outcome.status === 'sent') {
    const { messageId, id, to, at } = outcome;
    return {
      status: 200,
      body: { messageId, id, to, status: 'sent', timestamp: at.toISOString(), ...extra },
    };
  }
  const { id, position } = outcome;
  return {
    status: 202,
    headers: {
      Location: `/agents/${agentId}/messages/${id}`,
      ...(respondAsync && { 'Preference-Applied': 'respond-async' }),
    },
    body: { id, status: 'queued', position, ...extra },
  };
}
