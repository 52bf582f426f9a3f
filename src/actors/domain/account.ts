import type { Jid } from './identity.ts';
import type { Me } from './ports/whatsapp.ts';

/** A JID without its device: `628…:12@c.us` is `628…@c.us`. */
function withoutDevice(jid: Jid): Jid {
  return jid.replace(/:\d+@/, '@');
}

/** True when `account` names the linked account, by number or by LID; an account that was not noted is taken for it. */
export function isAccountOf(me: Me, account: Jid | null | undefined): boolean {
  if (!account) return true;
  const asked = withoutDevice(account);
  return asked === withoutDevice(me.pn) || (me.lid !== undefined && asked === withoutDevice(me.lid));
}
