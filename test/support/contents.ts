import type { Jid } from '../../src/actors/domain/identity.ts';
import type { ContentOf } from '../../src/actors/domain/message-content.ts';
import type { Handover, HandoverOptions, WhatsAppClient } from '../../src/actors/domain/ports/whatsapp.ts';

/** A text to be sent. */
export function text(words: string): ContentOf<'text'> {
  return { kind: 'text', text: words };
}

/** A client's `send` that is given texts only. */
export function sendOf(
  sendText: (to: Jid, words: string, options?: HandoverOptions) => Promise<Handover>,
): WhatsAppClient['send'] {
  return (to, content, options) => sendText(to, content.kind === 'text' ? content.text : '', options);
}
