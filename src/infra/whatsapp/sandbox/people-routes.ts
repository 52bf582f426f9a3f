import { Router } from 'express';
import type { Jid } from '../../../actors/ports.ts';
import { CHAT, GROUP, MESSAGES_QUERY, PERSON, parse } from './control-schemas.ts';
import type { SandboxNetwork } from './network.ts';
import { toJid } from './world.ts';

/** The account of a number that has been named before; looking makes none. */
function existing(network: SandboxNetwork, number: string): Jid | undefined {
  const jid = toJid(number);
  return network.accounts().find(({ pn, lid }) => pn === jid || lid === jid)?.pn;
}

/** The people of the network and what is on their phones, customers and bots alike; and the groups they are in. */
export function peopleRoutes(network: SandboxNetwork): Router {
  const router = Router();
  router.get('/people', (_req, res) => {
    res.json(network.accounts());
  });
  router.get('/people/:number/chats', (req, res) => {
    const { number } = parse(PERSON, req.params);
    const pn = existing(network, number);
    res.json(pn ? network.chats(pn) : []);
  });
  router.get('/people/:number/messages', (req, res) => {
    const { number } = parse(PERSON, req.params);
    const { chat, limit } = parse(MESSAGES_QUERY, req.query);
    const pn = existing(network, number);
    res.json(pn ? network.messages(pn, chat, limit) : []);
  });
  router.post('/people/:number/read', (req, res) => {
    const { number } = parse(PERSON, req.params);
    const pn = existing(network, number);
    if (pn) network.read(pn, parse(CHAT, req.body).chat);
    res.json({ ok: true });
  });
  router.get('/groups', (_req, res) => {
    res.json(network.groups());
  });
  router.post('/groups', (req, res) => {
    res.json(network.group(parse(GROUP, req.body)));
  });
  return router;
}
