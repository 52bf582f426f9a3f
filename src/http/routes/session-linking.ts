import QRCode from 'qrcode';
import type { ToJid } from '../../infra/content-schemas.ts';
import type { HttpContext } from '../context.ts';
import { BODY_LIMITS, jsonBody } from '../middleware/json-body.ts';
import * as examples from '../openapi/examples.ts';
import { agentPath, pairingCodeBody, passkeyAssertion } from '../openapi/request-schemas.ts';
import { acceptedPasskey, pairingCode, passkeyChallenge } from '../openapi/response-schemas.ts';
import { type Operation, operationOn } from '../operation.ts';

const operation = operationOn<HttpContext>();
const linking = {
  tag: 'sessions',
  access: 'operator',
  params: agentPath,
} as const;

/** `/sessions/{agentId}/qr`, `/passkey` and `/pairing-code`: the ways to link a phone. */
export function linkingOperations(toJid: ToJid): Operation<HttpContext>[] {
  return [
    operation({
      ...linking,
      method: 'get',
      path: '/sessions/{agentId}/qr',
      operationId: 'getQr',
      summary: 'The QR of this moment, by the Accept header',
      responses: {
        200: {
          description: 'The QR.',
          types: {
            'image/png': null,
            'image/svg+xml': '<svg xmlns="http://www.w3.org/2000/svg">…</svg>',
            'text/plain': examples.started.qr,
          },
        },
      },
      codes: ['SESSION_NOT_FOUND', 'SESSION_NOT_READY'],
      run: async ({ system }, { params: { agentId } }, res) => {
        const { code } = system.qr(agentId);
        res.set({ 'Cache-Control': 'no-store', Vary: 'Accept' });
        switch (res.req.accepts(['image/png', 'image/svg+xml', 'text/plain'])) {
          case 'image/svg+xml':
            res.type('image/svg+xml').send(await QRCode.toString(code, { type: 'svg' }));
            break;
          case 'text/plain':
            res.type('text/plain').send(code);
            break;
          default:
            res.type('image/png').send(await QRCode.toBuffer(code, { width: 512 }));
        }
      },
    }),
    operation({
      ...linking,
      method: 'get',
      path: '/sessions/{agentId}/passkey',
      operationId: 'getPasskeyChallenge',
      summary: 'What a passkey has to sign before the phone is linked',
      description: 'While the reason of the session is `PASSKEY_REQUIRED`; 409 otherwise.',
      responses: {
        200: { description: 'The challenge.', json: passkeyChallenge, example: examples.challenge },
      },
      codes: ['SESSION_NOT_FOUND', 'SESSION_NOT_READY'],
      run: ({ system }, { params: { agentId } }) => ({ publicKey: system.passkey(agentId) }),
    }),
    operation({
      ...linking,
      method: 'post',
      path: '/sessions/{agentId}/passkey',
      operationId: 'answerPasskeyChallenge',
      summary: 'Submit the assertion that the passkey made',
      body: passkeyAssertion,
      readBody: () => jsonBody(BODY_LIMITS.sessions),
      responses: {
        200: {
          description: 'The page has it.',
          json: acceptedPasskey,
          example: { agentId: 'support-bot', accepted: true },
        },
      },
      codes: ['SESSION_NOT_FOUND', 'SESSION_NOT_READY', 'BAD_GATEWAY'],
      run: async ({ system }, { params: { agentId }, body }) => {
        await system.ask(agentId, { type: 'passkey.answer', assertion: body });
        return { agentId, accepted: true };
      },
    }),
    operation({
      ...linking,
      method: 'post',
      path: '/sessions/{agentId}/pairing-code',
      operationId: 'requestPairingCode',
      summary: 'A code to type into the phone instead of a scan',
      description:
        'While a QR is shown. 409 with `details.reason`: `AGENT_LINKED`, `NUMBER_LINKED` (the number is linked to ' +
        'an agent of this service, which a code would log out) or `NO_QR`.',
      body: pairingCodeBody(toJid),
      readBody: () => jsonBody(BODY_LIMITS.sessions),
      responses: { 200: { description: 'The code.', json: pairingCode, example: examples.pairing } },
      codes: ['SESSION_NOT_FOUND', 'SESSION_NOT_READY', 'BAD_GATEWAY'],
      run: async ({ system }, { params: { agentId }, body: { phoneNumber: number } }) => {
        const { code, expiresAt } = await system.ask(agentId, { type: 'pairing_code.request', number });
        return { code, expiresAt: new Date(expiresAt) };
      },
    }),
  ];
}
