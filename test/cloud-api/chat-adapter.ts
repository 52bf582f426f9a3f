import { get } from 'node:http';
import { createMemoryState } from '@chat-adapter/state-memory';
import { createWhatsAppAdapter, type WhatsAppAdapter, WhatsAppApiError } from '@chat-adapter/whatsapp';
import { expect } from 'chai';
import { Chat, ConsoleLogger } from 'chat';
import sinon from 'sinon';
import { APP_SECRET, VERIFY_TOKEN } from '../support/cloud-receivers.ts';
import { type CloudService, MEDIA, NUMBER_ID, sha256 } from '../support/cloud-service.ts';
import { CUSTOMER, KEY } from '../support/fixtures.ts';
import { type Inbox, registerInbox } from './inbox.ts';
import { parsedMessage, type RawMessage } from './raw-events.ts';

/** Registers the suite of `@chat-adapter/whatsapp`. */
export function chatAdapter(running: () => CloudService): void {
  describe('chat with @chat-adapter/whatsapp', () => {
    let cloud: CloudService;
    let adapter: WhatsAppAdapter;
    let bot: Chat;
    before(async () => {
      cloud = running();
      adapter = createWhatsAppAdapter({ ...config, apiUrl: cloud.api });
      bot = new Chat({
        userName: 'shop',
        adapters: { whatsapp: adapter },
        state: createMemoryState(),
        logger,
      });
      await bot.initialize();
    });
    afterEach(() => sinon.restore());
    after(() => bot?.shutdown());

    const logger = new ConsoleLogger('silent');
    const config = {
      accessToken: KEY,
      appSecret: APP_SECRET,
      phoneNumberId: NUMBER_ID,
      verifyToken: VERIFY_TOKEN,
      logger,
    };
    const thread = `whatsapp:${NUMBER_ID}:${CUSTOMER}`;

    it('posts a text with its format, answers to it and reacts to it', async () => {
      const { id } = await adapter.postMessage(thread, { markdown: '**Halo** _dunia_' });
      const first = await cloud.arrived(id);
      expect(first.body).to.equal('*Halo* _dunia_');
      const reply = await adapter.reply(thread, id, 'ya');
      expect((await cloud.arrived(reply.id)).quotedId).to.equal(first.id);
      await adapter.addReaction(thread, id, 'thumbs_up');
      expect((await cloud.arrived(id)).reactions).to.have.length(1);
      await adapter.removeReaction(thread, id, 'thumbs_up');
      expect((await cloud.arrived(id)).reactions).to.deep.equal([]);
    });

    it('posts files of each kind', async () => {
      for (const [type, filename, [bytes, mimeType]] of [
        ['image', 'menu.jpg', MEDIA.image],
        ['video', 'cara.mp4', MEDIA.video],
        ['audio', 'lagu.mp3', MEDIA.audio],
        ['document', 'harga.pdf', MEDIA.document],
      ] as const) {
        const files = [{ data: Buffer.from(bytes), filename, mimeType }];
        const { id } = await adapter.postMessage(thread, { markdown: '', files });
        expect((await cloud.arrived(id)).type).to.equal(type);
      }
    });

    it('reads the errors', async () => {
      const template = { name: 'hello_world', language: 'en_US' };
      const error: unknown = await adapter.sendTemplate(thread, template).catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(WhatsAppApiError);
      expect(error).to.include({ status: 400, errorCode: 131051, type: 'OAuthException' });
    });

    // It downloads from public hosts by HTTPS alone, so that both of its ways to the service are replaced.
    it('downloads a media', async () => {
      const form = new FormData();
      form.set('file', new Blob([MEDIA.image[0]], { type: 'image/jpeg' }));
      const headers = { authorization: `Bearer ${KEY}` };
      const uploaded = await fetch(`${cloud.api}/${NUMBER_ID}/media`, {
        method: 'POST',
        body: form,
        headers,
      });
      const { id } = (await uploaded.json()) as { id: string };
      const { origin } = new URL(cloud.api);
      const inside = (url: string) => url.replace('https://gateway.example', origin);
      const { fetch: direct } = globalThis;
      sinon.replace(globalThis, 'fetch', async (url, init) => {
        const text = await (await direct(inside(String(url)), init)).text();
        return new Response(text.replaceAll(origin, 'https://gateway.example'));
      });
      const outside = createWhatsAppAdapter({ ...config, apiUrl: 'https://gateway.example/cloud' });
      const bytes = await outside.downloadMedia(
        id,
        ({ href }, signal, sent) =>
          new Promise((resolve, reject) => {
            get(inside(href), { signal, headers: sent }, resolve).on('error', reject);
          }),
      );
      expect(sha256(bytes)).to.equal(sha256(MEDIA.image[0]));
    });

    describe('with a webhook', () => {
      let inbox: Inbox;
      before(async () => {
        inbox = {
          messages: [],
          statuses: [],
          send: async (text, { quotedId } = {}) => {
            const sent = quotedId ? adapter.reply(thread, quotedId, text) : adapter.postMessage(thread, text);
            return (await sent).id;
          },
          read: async (id) => {
            await adapter.markAsRead(id);
            await adapter.startTyping(thread);
          },
        };
        bot.onDirectMessage((_thread, message) => {
          const { message: raw } = message.raw as { message: RawMessage };
          const mediaId = message.attachments[0]?.fetchMetadata?.mediaId;
          inbox.messages.push({ ...parsedMessage(raw), mediaId });
        });
        bot.onReaction(({ messageId, rawEmoji, raw }) => {
          const { id, from } = raw as RawMessage;
          inbox.messages.push({ id, from, type: 'reaction', emoji: rawEmoji, reactedId: messageId });
        });
        const url = 'https://bot.example/whatsapp';
        await cloud.subscribe('chat-adapter', {
          challenge: async (query) => {
            const answer = await bot.webhooks.whatsapp!(new Request(`${url}?${new URLSearchParams(query)}`));
            expect(answer.status).to.equal(200);
            return answer.text();
          },
          deliver: async (body, headers) => {
            const answer = await bot.webhooks.whatsapp!(new Request(url, { method: 'POST', body, headers }));
            expect(answer.status).to.equal(200);
          },
        });
      });

      // It parses neither contacts nor statuses.
      registerInbox(
        () => cloud,
        () => inbox,
        {
          kinds: ['text', 'image', 'video', 'audio', 'document', 'sticker', 'location'],
          parsesStatuses: false,
        },
      );
    });
  });
}
