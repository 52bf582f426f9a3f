import type { Router } from 'express';
import type { EdgeDeps } from '../context.ts';
import { BODY_LIMITS, jsonBody, parseWith } from '../middleware/json-body.ts';
import { agentPath, pairingCodeBody, passkeyAssertion } from '../openapi/request-schemas.ts';
import { resource, sendAnswer } from '../resource.ts';

/** `/sessions/{agentId}/passkey` and `/pairing-code`: the ways to link a phone besides a scan. */
export function linkingRoutes(router: Router, { system, settings, guards, parseJid }: EdgeDeps): void {
  const guard = guards.api;
  const pairing = pairingCodeBody((text) => parseJid(text, settings.DEFAULT_COUNTRY));

  resource(router, '/sessions/:agentId/passkey', {
    get: [
      guard,
      (req, res) => {
        const { agentId } = parseWith(agentPath, req.params);
        res.set('Cache-Control', 'no-store');
        sendAnswer(res, { status: 200, body: { publicKey: system.passkey(agentId) } });
      },
    ],
    post: [
      guard,
      jsonBody(BODY_LIMITS.sessions),
      async (req, res) => {
        const { agentId } = parseWith(agentPath, req.params);
        await system.answerPasskey(agentId, parseWith(passkeyAssertion, req.body));
        sendAnswer(res, { status: 200, body: { agentId, accepted: true } });
      },
    ],
  });

  resource(router, '/sessions/:agentId/pairing-code', {
    post: [
      guard,
      jsonBody(BODY_LIMITS.sessions),
      async (req, res) => {
        const { agentId } = parseWith(agentPath, req.params);
        const { phoneNumber } = parseWith(pairing, req.body);
        const { code, expiresAt } = await system.requestPairingCode(agentId, phoneNumber);
        sendAnswer(res, { status: 200, body: { code, expiresAt: new Date(expiresAt) } });
      },
    ],
  });
}
