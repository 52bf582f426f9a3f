import { expect } from 'chai';
import { WhatsAppAPI } from 'whatsapp-api-js';
import {
  Audio,
  Contacts,
  Document,
  Image,
  Language,
  Location,
  Name,
  Phone,
  Reaction,
  Sticker,
  Template,
  Text,
  Video,
} from 'whatsapp-api-js/messages';
import type { ClientMessage } from 'whatsapp-api-js/types';
import { APP_SECRET, VERIFY_TOKEN } from '../support/cloud-receivers.ts';
import { type CloudService, MEDIA, NUMBER_ID, sha256 } from '../support/cloud-service.ts';
import { CUSTOMER, KEY } from '../support/fixtures.ts';
import { type Inbox, registerInbox } from './inbox.ts';
import { parsedMessage, type RawMessage } from './raw-events.ts';

/** Registers the suite of `whatsapp-api-js`. */
export function whatsappApiJs(running: () => CloudService): void {
  describe('whatsapp-api-js', () => {
    let cloud: CloudService;
    let client: WhatsAppAPI;
    before(async () => {
      cloud = running();
      // It has no option for the base URL, but one for `fetch`.
      const inPlaceOfMeta: typeof fetch = (url, init) =>
        fetch(String(url).replace('https://graph.facebook.com', cloud.api), init);
      client = new WhatsAppAPI({
        token: KEY,
        appSecret: APP_SECRET,
        webhookVerifyToken: VERIFY_TOKEN,
        v: 'v24.0',
        ponyfill: { fetch: inPlaceOfMeta },
      });
    });

    /** Sends a message; the id that it is answered with. */
    async function send(message: ClientMessage, context?: string, data?: string): Promise<string> {
      const answer = await client.sendMessage(NUMBER_ID, CUSTOMER, message, context, data);
      expect(answer).to.have.property('messages');
      return 'messages' in answer ? answer.messages[0].id : '';
    }
    /** Sends a message; it, as the customer has it. */
    const arrived = async (message: ClientMessage, context?: string) =>
      cloud.arrived(await send(message, context));

    /** Uploads a file; its media id. */
    async function upload([bytes, type]: readonly [Uint8Array<ArrayBuffer>, string]): Promise<string> {
      const form = new FormData();
      form.set('file', new Blob([bytes], { type }));
      const answer = await client.uploadMedia(NUMBER_ID, form);
      expect(answer).to.have.property('id');
      return 'id' in answer ? answer.id : '';
    }

    it('sends a text, quotes it and reacts to it', async () => {
      const id = await send(new Text('Halo'));
      const first = await cloud.arrived(id);
      expect(first).to.include({ body: 'Halo' });
      expect((await arrived(new Text('ya', true), id)).quotedId).to.equal(first.id);
      await send(new Reaction(id, '🙏'));
      expect((await cloud.arrived(id)).reactions?.[0]).to.include({ emoji: '🙏' });
      await send(new Reaction(id));
      expect((await cloud.arrived(id)).reactions).to.deep.equal([]);
    });

    it('sends every other kind', async () => {
      for (const [type, message] of Object.entries({
        image: new Image(await upload(MEDIA.image), true, 'Menu'),
        video: new Video(await upload(MEDIA.video), true),
        audio: new Audio(await upload(MEDIA.audio), true),
        ptt: new Audio(await upload(MEDIA.voice), true, true),
        document: new Document(await upload(MEDIA.document), true, 'Harga', 'harga.pdf'),
        sticker: new Sticker(await upload(MEDIA.sticker), true),
      }))
        expect((await arrived(message)).type).to.equal(type);
      expect((await arrived(new Location(106.8272, -6.1754, 'Monas'))).location).to.include({
        name: 'Monas',
      });
      const contacts = new Contacts([new Name('Sari Dewi', 'Sari'), new Phone('+62 811', 'CELL')]);
      expect((await arrived(contacts)).contacts?.[0]).to.have.nested.property('phones[0].phone', '+62 811');
    });

    it('finds, downloads and deletes a media', async () => {
      const id = await upload(MEDIA.image);
      const media = await client.retrieveMedia(id, NUMBER_ID);
      const url = 'url' in media ? media.url : '';
      const bytes = await (await client.fetchMedia(url)).arrayBuffer();
      expect(sha256(new Uint8Array(bytes))).to.equal(sha256(MEDIA.image[0]));
      expect(await client.deleteMedia(id, NUMBER_ID)).to.deep.equal({ success: true });
    });

    it('is refused a template in Meta’s form', async () => {
      const message = new Template('hello_world', new Language('en_US'));
      const answer = await client.sendMessage(NUMBER_ID, CUSTOMER, message);
      expect(answer).to.have.nested.property('error.code', 131051);
    });

    describe('with a webhook', () => {
      let inbox: Inbox;
      before(async () => {
        inbox = {
          messages: [],
          statuses: [],
          send: (body, { data, quotedId } = {}) => send(new Text(body), quotedId, data),
          read: async (id) => {
            expect(await client.markAsRead(NUMBER_ID, id, 'text')).to.deep.equal({ success: true });
          },
          download: async (id) => {
            const media = await client.retrieveMedia(id);
            const answer = await client.fetchMedia('url' in media ? media.url : '');
            return new Uint8Array(await answer.arrayBuffer());
          },
        };
        client.on.message = ({ message, phoneID }) => {
          expect(phoneID).to.equal(NUMBER_ID);
          inbox.messages.push(parsedMessage(message as unknown as RawMessage));
        };
        client.on.status = ({ id, status, biz_opaque_callback_data: data }) => {
          inbox.statuses.push({ id, status, data });
        };
        await cloud.subscribe('whatsapp-api-js', {
          challenge: (query) => client.get(query as unknown as Parameters<typeof client.get>[0]),
          deliver: (body, headers) => client.post(JSON.parse(body), body, headers['x-hub-signature-256']!),
        });
      });

      registerInbox(
        () => cloud,
        () => inbox,
      );
    });
  });
}
