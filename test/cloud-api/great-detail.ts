import { Client, MessageType } from '@great-detail/whatsapp';
import { expect } from 'chai';
import { APP_SECRET, VERIFY_TOKEN } from '../support/cloud-receivers.ts';
import { type CloudService, MEDIA, NUMBER_ID, sha256 } from '../support/cloud-service.ts';
import { CUSTOMER, KEY } from '../support/fixtures.ts';
import { type Inbox, registerInbox } from './inbox.ts';
import { parsedMessage, parsedStatus, type RawChange } from './raw-events.ts';

/** Registers the suite of `@great-detail/whatsapp`. */
export function greatDetail(running: () => CloudService): void {
  describe('@great-detail/whatsapp', () => {
    let cloud: CloudService;
    let client: Client;
    before(async () => {
      cloud = running();
      client = new Client({ prefixUrl: cloud.api, request: { headers: { Authorization: `Bearer ${KEY}` } } });
    });

    type Message = Parameters<Client['message']['createMessage']>[0];

    /** Sends a message; the id that it is answered with. */
    async function send(fields: object): Promise<string> {
      const message = { phoneNumberID: NUMBER_ID, to: CUSTOMER, ...fields } as Message;
      const { messages } = await client.message.createMessage(message).json();
      return messages[0]!.id;
    }
    /** Sends a message; it, as the customer has it. */
    const arrived = async (fields: object) => cloud.arrived(await send(fields));

    /** Uploads a file; its media id. */
    async function upload([bytes, mimeType]: readonly [Uint8Array<ArrayBuffer>, string]): Promise<string> {
      const file = new Blob([bytes], { type: mimeType });
      const { id } = await client.media.upload({ phoneNumberID: NUMBER_ID, mimeType, file }).json();
      return id;
    }

    it('sends a text, quotes it and reacts to it', async () => {
      const id = await send({ type: MessageType.Text, text: { body: 'Halo' } });
      const first = await cloud.arrived(id);
      expect(first).to.include({ body: 'Halo' });
      const quoting = await arrived({ type: 'text', text: { body: 'ya' }, context: { message_id: id } });
      expect(quoting.quotedId).to.equal(first.id);
      await send({ type: 'reaction', reaction: { message_id: id, emoji: '🙏' } });
      expect((await cloud.arrived(id)).reactions?.[0]).to.include({ emoji: '🙏' });
    });

    it('sends every other kind', async () => {
      for (const [type, kind] of Object.entries({
        image: 'image',
        video: 'video',
        audio: 'audio',
        document: 'document',
        sticker: 'sticker',
      } as const)) {
        const id = await upload(MEDIA[kind]);
        expect((await arrived({ type, [type]: { id } })).type).to.equal(type);
      }
      const location = { latitude: -6.1754, longitude: 106.8272, name: 'Monas' };
      expect((await arrived({ type: 'location', location })).location).to.include({ name: 'Monas' });
      const contacts = [{ name: { formatted_name: 'Sari' }, phones: [{ phone: '+62 811' }] }];
      expect((await arrived({ type: 'contacts', contacts })).contacts).to.have.length(1);
    });

    it('finds, downloads and deletes a media', async () => {
      const mediaID = await upload(MEDIA.document);
      const { url, mime_type: type } = await client.media
        .getURL({ mediaID, phoneNumberID: NUMBER_ID })
        .json();
      expect(type).to.equal('application/pdf');
      // It sets the name of Meta's own host, unless another is given.
      const request = { headers: { Host: new URL(url).host, Authorization: `Bearer ${KEY}` } };
      const bytes = await client.media.download({ mediaURL: url, request }).arrayBuffer();
      expect(sha256(new Uint8Array(bytes))).to.equal(sha256(MEDIA.document[0]));
      expect(await client.media.delete({ mediaID }).json()).to.deep.equal({ success: true });
    });

    it('reads the phone number', async () => {
      const number = await client.phoneNumbers
        .getPhoneNumber({ phoneNumberID: NUMBER_ID, fields: ['verified_name', 'quality_rating'] })
        .json();
      expect(number).to.deep.equal({ id: NUMBER_ID, verified_name: 'Shop', quality_rating: 'UNKNOWN' });
    });

    it('is refused a template in Meta’s form', async () => {
      const template = { name: 'hello_world', language: { code: 'en_US' } };
      const error = await send({ type: 'template', template }).catch((thrown: unknown) => thrown);
      const { response } = error as { response: Response };
      expect(response.status).to.equal(400);
      expect(await response.json()).to.have.nested.property('error.code', 131051);
    });

    describe('with a webhook', () => {
      let inbox: Inbox;
      before(async () => {
        inbox = {
          messages: [],
          statuses: [],
          send: (body, { data, quotedId } = {}) =>
            send({
              ...{ type: 'text', text: { body }, biz_opaque_callback_data: data },
              ...(quotedId && { context: { message_id: quotedId } }),
            }),
          read: (messageId) =>
            client.message
              .createStatus({
                ...{ phoneNumberID: NUMBER_ID, message_id: messageId, status: 'read' },
                typing_indicator: { type: 'text' },
              })
              .json(),
          download: async (mediaID) => {
            const { url } = await client.media.getURL({ mediaID }).json();
            const request = { headers: { Host: new URL(url).host } };
            return new Uint8Array(await client.media.download({ mediaURL: url, request }).arrayBuffer());
          },
        };
        await cloud.subscribe('great-detail', {
          challenge: async (query) => {
            const registration = await client.webhook.register({ method: 'GET', query, headers: {} });
            expect(registration.verifyToken).to.equal(VERIFY_TOKEN);
            return registration.accept();
          },
          deliver: async (body, headers) => {
            const event = await client.webhook.eventNotification({
              method: 'POST',
              query: {},
              body,
              headers,
            });
            await event.verifySignature(APP_SECRET);
            const [change] = event.eventNotification.entry[0]!.changes as unknown as RawChange[];
            const { messages = [], statuses = [] } = change!.value;
            inbox.messages.push(...messages.map(parsedMessage));
            inbox.statuses.push(...statuses.map(parsedStatus));
          },
        });
      });

      registerInbox(
        () => cloud,
        () => inbox,
      );
    });
  });
}
