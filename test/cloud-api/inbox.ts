import { expect } from 'chai';
import { type CloudService, MEDIA, sha256 } from '../support/cloud-service.ts';
import { eventually } from '../support/eventually.ts';
import { BOT, BOT_CHAT, CUSTOMER } from '../support/fixtures.ts';

/** A message as a client's own parser gave it. */
export interface ParsedMessage {
  id: string;
  from: string | undefined;
  type: string;
  text?: string | undefined;
  mediaId?: string | undefined;
  quotedId?: string | undefined;
  /** Of a reaction, and to what. */
  emoji?: string | undefined;
  reactedId?: string | undefined;
}

/** A status as a client's own parser gave it. */
export interface ParsedStatus {
  id: string;
  status: string;
  data?: string | undefined;
}

/** What a client received and parsed, and what it does with it. */
export interface Inbox {
  messages: ParsedMessage[];
  /** Those that a client parses. */
  statuses: ParsedStatus[];
  /** Sends a text, with data of its own where the client can, and as an answer to a message. */
  send(text: string, options?: { data?: string; quotedId?: string }): Promise<string>;
  /** Marks a message read, and shows typing. */
  read(id: string): Promise<unknown>;
  /** Undefined for a client that downloads from public addresses only. */
  download?(mediaId: string): Promise<Uint8Array>;
}

/** A file as a customer sends it. */
const file = (
  type: 'image' | 'video' | 'ptt' | 'document' | 'sticker',
  [data, mimetype]: readonly [Uint8Array, string],
) => ({
  file: { type, data, mimetype, ...(type === 'document' && { filename: 'harga.pdf' }) },
});

/** What the customer writes, by the type that a client is to see. */
const DRAFTS = {
  text: { text: 'Halo äöå 👍' },
  image: { text: 'Menu', ...file('image', MEDIA.image) },
  video: { text: '', ...file('video', MEDIA.video) },
  audio: { text: '', ...file('ptt', MEDIA.voice) },
  document: { text: '', ...file('document', MEDIA.document) },
  sticker: { text: '', ...file('sticker', MEDIA.sticker) },
  location: { text: '', location: { latitude: -6.1754, longitude: 106.8272, name: 'Monas' } },
  contacts: { text: '', contacts: [{ name: { formatted_name: 'Sari' }, phones: [{ phone: '+62 811' }] }] },
};

/** Registers what a client has to receive by its own parser, and to answer. */
export function registerInbox(
  cloud: () => CloudService,
  inbox: () => Inbox,
  {
    kinds = Object.keys(DRAFTS) as (keyof typeof DRAFTS)[],
    parsesStatuses = true,
  }: { kinds?: (keyof typeof DRAFTS)[]; parsesStatuses?: boolean } = {},
): void {
  /** The newest message that a client has parsed and that is like this. */
  const parsed = (what: string, isIt: (message: ParsedMessage) => boolean) =>
    eventually(what, () => inbox().messages.findLast(isIt), 10_000);

  it('gets a message of each kind, and downloads its file', async () => {
    const { network } = cloud().service;
    for (const type of kinds) {
      const draft: { text: string; file?: { data: Uint8Array } } = DRAFTS[type];
      network.write(CUSTOMER, { ...DRAFTS[type], to: BOT });
      const message = await parsed(`the ${type}`, (each) => each.type === type);
      expect(message.from).to.equal(CUSTOMER);
      if (draft.text) expect(message.text).to.equal(draft.text);
      const { download } = inbox();
      if (!draft.file || !download) continue;
      expect(sha256(await download(message.mediaId!)), type).to.equal(sha256(draft.file.data));
    }
  });

  it('is quoted and reacted to under the id that it was given', async () => {
    const { network } = cloud().service;
    const id = await inbox().send('quote me');
    const { id: copy } = await cloud().arrived(id);
    network.write(CUSTOMER, { to: BOT, text: 'quoting', quoteId: copy });
    expect((await parsed('the quote', ({ text }) => text === 'quoting')).quotedId).to.equal(id);
    network.react(CUSTOMER, copy, '👍');
    const { emoji, reactedId } = await parsed('the reaction', ({ type }) => type === 'reaction');
    expect([emoji, reactedId]).to.deep.equal(['👍', id]);
  });

  it('marks a message read, shows typing, and answers it', async () => {
    const { network } = cloud().service;
    const { stanzaId } = network.write(CUSTOMER, { to: BOT, text: 'read me' });
    const { id } = await parsed('the message', ({ text }) => text === 'read me');
    await inbox().read(id);
    const onPhone = () =>
      network.messages(CUSTOMER, BOT_CHAT).find((message) => message.stanzaId === stanzaId);
    await eventually('the message to be read', () => onPhone()!.ack >= 3, 5_000);
    expect(network.isTyping(CUSTOMER, BOT_CHAT)).to.equal(true);
    const answer = await cloud().arrived(await inbox().send('ya', { quotedId: id }));
    expect(answer.quotedId).to.equal(onPhone()!.id);
  });

  if (!parsesStatuses) return;
  it('gets the statuses of what it sends, with its own data', async () => {
    const { statuses } = inbox();
    const id = await inbox().send('how far?', { data: 'order 7' });
    await cloud().arrived(id);
    cloud().service.network.read(CUSTOMER, BOT_CHAT);
    const of = () => statuses.filter((each) => each.id === id);
    await eventually('the last status', () => of().some(({ status }) => status === 'read'), 5_000);
    for (const { data } of of()) expect(data).to.equal('order 7');
    const order = ['sent', 'delivered', 'read'];
    expect(of().map(({ status }) => status)).to.deep.equal(
      order.filter((status) => of().some((each) => each.status === status)),
    );
  });
}
