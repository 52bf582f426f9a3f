import { GraphApiError, WhatsAppClient } from '@kapso/whatsapp-cloud-api';
import { normalizeWebhook, verifySignature } from '@kapso/whatsapp-cloud-api/server';
import { expect } from 'chai';
import { APP_SECRET, VERIFY_TOKEN } from '../support/cloud-receivers.ts';
import { type CloudService, MEDIA, NUMBER_ID, sha256 } from '../support/cloud-service.ts';
import { eventually } from '../support/eventually.ts';
import { BOT, CUSTOMER, KEY } from '../support/fixtures.ts';
import { type Inbox, type ParsedMessage, registerInbox } from './inbox.ts';

/** Registers the suite of `@kapso/whatsapp-cloud-api`. */
export function kapso(running: () => CloudService): void {
  describe('@kapso/whatsapp-cloud-api', () => {
    let cloud: CloudService;
    let client: WhatsAppClient;
    before(async () => {
      cloud = running();
      client = new WhatsAppClient({ accessToken: KEY, baseUrl: cloud.api });
    });

    const to = { phoneNumberId: NUMBER_ID, to: CUSTOMER };
    /** The message that a send was answered with, as the customer has it. */
    const arrived = async (sending: Promise<{ messages: { id: string }[] }>) =>
      cloud.arrived((await sending).messages[0]?.id);

    /** Uploads a file; its media id. */
    async function upload([bytes, type]: readonly [Uint8Array<ArrayBuffer>, string]): Promise<string> {
      const { id } = await client.media.upload({ phoneNumberId: NUMBER_ID, type, file: new Blob([bytes]) });
      return id;
    }

    it('sends a text and its answer is of the number that was written to', async () => {
      const { messages, contacts } = await client.messages.sendText({
        ...to,
        body: 'Halo',
        previewUrl: false,
      });
      expect(contacts).to.deep.equal([{ input: CUSTOMER, waId: CUSTOMER }]);
      expect(await cloud.arrived(messages[0]!.id)).to.include({ body: 'Halo', type: 'chat' });
    });

    it('quotes, reacts, and takes the reaction back', async () => {
      const first = await client.messages.sendText({ ...to, body: 'quote me' });
      const { id } = first.messages[0]!;
      const quoting = await arrived(
        client.messages.sendText({
          ...to,
          body: 'quoting',
          contextMessageId: id,
          bizOpaqueCallbackData: 'x',
        }),
      );
      expect(quoting.quotedId).to.equal((await cloud.arrived(id)).id);
      for (const emoji of ['👍', '']) {
        await client.messages.sendReaction({ ...to, reaction: { messageId: id, emoji } });
        expect((await cloud.arrived(id)).reactions?.map((reaction) => reaction.emoji)).to.deep.equal(
          emoji ? [emoji] : [],
        );
      }
    });

    it('sends files of each kind', async () => {
      const { messages } = client;
      for (const [type, sending] of Object.entries({
        image: messages.sendImage({ ...to, image: { id: await upload(MEDIA.image), caption: 'Menu' } }),
        video: messages.sendVideo({ ...to, video: { id: await upload(MEDIA.video) } }),
        ptt: messages.sendAudio({ ...to, audio: { id: await upload(MEDIA.voice), voice: true } }),
        audio: messages.sendAudio({ ...to, audio: { id: await upload(MEDIA.audio) } }),
        document: messages.sendDocument({
          ...to,
          document: { id: await upload(MEDIA.document), filename: 'harga.pdf' },
        }),
        sticker: messages.sendSticker({ ...to, sticker: { id: await upload(MEDIA.sticker) } }),
      }))
        expect((await arrived(sending)).type).to.equal(type);
      const linked = await arrived(
        messages.sendImage({ ...to, image: { link: `${cloud.service.images}/image.png` } }),
      );
      expect(linked.type).to.equal('image');
    });

    it('sends a place, contacts and, raw, a poll', async () => {
      const { messages } = client;
      const place = { latitude: -6.1754, longitude: 106.8272, name: 'Monas', address: 'Jakarta' };
      expect((await arrived(messages.sendLocation({ ...to, location: place }))).location).to.include(place);
      const contacts = [
        { name: { formattedName: 'Sari', firstName: 'Sari' }, phones: [{ phone: '+62 811', type: 'CELL' }] },
      ];
      const cards = await arrived(messages.sendContacts({ ...to, contacts }));
      expect(cards.contacts?.[0]).to.have.nested.property('name.formatted_name', 'Sari');
      const poll = { name: 'Makan?', options: ['ya', 'tidak'] };
      const payload = { messagingProduct: 'whatsapp', to: CUSTOMER, type: 'poll', poll };
      const raw = client.messages.sendRaw({ phoneNumberId: NUMBER_ID, payload } as never);
      expect((await arrived(raw)).poll).to.include({ name: 'Makan?' });
    });

    it('finds, downloads and deletes a media', async () => {
      const mediaId = await upload(MEDIA.image);
      const found = await client.media.get({ mediaId, phoneNumberId: NUMBER_ID });
      expect(found).to.include({ mimeType: 'image/jpeg', sha256: sha256(MEDIA.image[0]) });
      for (const auth of ['never', 'always'] as const) {
        const bytes = (await client.media.download({ mediaId, auth })) as ArrayBuffer;
        expect(sha256(new Uint8Array(bytes))).to.equal(sha256(MEDIA.image[0]));
      }
      expect(await client.media.delete({ mediaId })).to.deep.equal({ success: true });
    });

    it('reads the errors', async () => {
      const template = { name: 'hello_world', language: { code: 'en_US' } };
      const stranger = new WhatsAppClient({ accessToken: 'wrong', baseUrl: cloud.api });
      for (const [send, code, category] of [
        [() => client.messages.sendTemplate({ ...to, template }), 131051, 'media'],
        [() => client.messages.sendText({ ...to, to: '15550000001', body: 'x' }), 131026, 'parameter'],
        [() => client.media.get({ mediaId: 'missing' }), 100, 'parameter'],
        [() => stranger.messages.sendText({ ...to, body: 'x' }), 190, 'authorization'],
      ] as const) {
        const error: unknown = await send().catch((thrown: unknown) => thrown);
        expect(error).to.be.instanceOf(GraphApiError);
        expect(error).to.include({ code, category });
      }
    });

    describe('with a webhook', () => {
      let inbox: Inbox;
      const echoes: ParsedMessage[] = [];
      before(async () => {
        inbox = {
          messages: [],
          statuses: [],
          send: async (body, { data, quotedId } = {}) => {
            const options = { contextMessageId: quotedId, bizOpaqueCallbackData: data };
            return (await client.messages.sendText({ ...to, body, ...options })).messages[0]!.id;
          },
          read: (messageId) =>
            client.messages.markRead({
              ...{ phoneNumberId: NUMBER_ID, messageId },
              typingIndicator: { type: 'text' },
            }),
          download: async (mediaId) =>
            new Uint8Array((await client.media.download({ mediaId })) as ArrayBuffer),
        };
        await cloud.subscribe('kapso', {
          challenge: (query) => {
            expect(query).to.include({ 'hub.mode': 'subscribe', 'hub.verify_token': VERIFY_TOKEN });
            return query['hub.challenge']!;
          },
          deliver: (rawBody, headers) => {
            const signatureHeader = headers['x-hub-signature-256']!;
            expect(verifySignature({ appSecret: APP_SECRET, rawBody, signatureHeader })).to.equal(true);
            const { messages, statuses, phoneNumberId } = normalizeWebhook(JSON.parse(rawBody));
            expect(phoneNumberId).to.equal(NUMBER_ID);
            for (const message of messages) {
              const { id, from, type, text, context, reaction, kapso: facts } = message;
              const media = message[type as 'image'];
              const parsed = {
                ...{ id, from, type, quotedId: context?.id, mediaId: media?.id },
                ...{ text: text?.body ?? media?.caption },
                ...{ emoji: reaction?.emoji, reactedId: reaction?.messageId },
              };
              (facts?.direction === 'outbound' ? echoes : inbox.messages).push(parsed);
            }
            for (const { id, status, bizOpaqueCallbackData: data } of statuses)
              inbox.statuses.push({ id, status, data: data as string });
          },
        });
      });

      registerInbox(
        () => cloud,
        () => inbox,
      );

      it('gets what a person writes on the phone as an echo', async () => {
        cloud.service.network.write(BOT, { to: `${CUSTOMER}@c.us`, text: 'Saya bantu' });
        const echo = await eventually('the echo', () => echoes.find(({ text }) => text === 'Saya bantu'));
        expect(echo).to.include({ from: BOT, type: 'text' });
      });
    });
  });
}
