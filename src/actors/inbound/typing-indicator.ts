import type { Jid } from '../domain/identity.ts';
import type { Scheduler, Timer } from '../domain/ports/clock.ts';
import type { WhatsAppClient } from '../domain/ports/whatsapp.ts';

/** What shows typing, how often it is renewed, and the client at each use; null while there is none. */
export interface TypingContext {
  clock: Scheduler;
  renewMs: number;
  client(): WhatsAppClient | null;
}

/** Shows typing until the returned function is called; renewed because WhatsApp drops it after about 25 s. */
export function showTyping({ clock, renewMs, client }: TypingContext, to: Jid): () => void {
  // One look-up for all calls keeps them in order.
  let chat: Promise<Jid> | null = null;
  const setTyping = (typing: boolean) => {
    const current = client();
    if (!current) return;
    chat ??= current.resolveRecipient(to).then((resolved) => resolved ?? to);
    chat.then(
      // A courtesy: its errors never fail a reply.
      (chatId) => current.setTyping(chatId, typing).catch(() => undefined),
      () => {
        chat = null;
      },
    );
  };
  let renewal: Timer;
  const renew = () => {
    setTyping(true);
    renewal = clock.setTimeout(renew, renewMs);
  };
  renew();
  return () => {
    clock.clearTimeout(renewal);
    setTyping(false);
  };
}
