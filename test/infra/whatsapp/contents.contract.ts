import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Jid } from '../../../src/actors/domain/identity.ts';
import type { MediaFile, MessageContent } from '../../../src/actors/domain/message-content.ts';
import type { Handover, WhatsAppClient } from '../../../src/actors/domain/ports/whatsapp.ts';
import type { SandboxNetwork } from '../../../src/sandbox/network/network.ts';
import type { ChatMessage } from '../../../src/sandbox/network/types.ts';
import { text } from '../../support/contents.ts';
import { failureOf } from '../../support/failure.ts';

/** A linked client, and the network that it is linked to. */
export interface LinkedSession {
  client: WhatsAppClient;
  network: SandboxNetwork;
  /** The number that is linked. */
  number: Jid;
  freshNumber(): Jid;
  /** The id under which the client received a text. */
  received(words: string): Promise<string>;
  /** Waits until the network is in a condition. */
  eventually<T>(what: string, look: () => T | undefined): Promise<T>;
}

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const WAVEFORM = Array.from({ length: 64 }, (_, index) => (index * 7) % 101);
const CARD = { name: { formatted_name: 'Ayu; Kedai, Pusat\\1' }, phones: [{ phone: '+62 811-0000-0001' }] };
const OTHER_CARD = {
  name: { formatted_name: 'Bagas' },
  phones: [{ phone: '628110000002' }, { phone: '+628110000003' }],
};

/** What each kind of message is sent as, and what has to arrive; `file` stores random bytes. */
const SAMPLES: Record<
  string,
  { content: (file: (type: string, name?: string) => Promise<MediaFile>) => Promise<MessageContent> } & {
    arrives: Partial<ChatMessage> | ((message: ChatMessage) => void);
  }
> = {
  text: {
    content: async () => text('hello *there*'),
    arrives: { type: 'chat', body: 'hello *there*' },
  },
  'text with a preview': {
    content: async () => ({ kind: 'text', text: 'see https://example.com/menu', previewUrl: true }),
    arrives: {
      type: 'chat',
      body: 'see https://example.com/menu',
      previewUrl: 'https://example.com/menu',
    },
  },
  image: {
    content: async (file) => ({ kind: 'image', file: await file('image/png', 'a.png'), caption: 'a dot' }),
    arrives: { type: 'image', body: 'a dot' },
  },
  'image without a caption': {
    content: async (file) => ({ kind: 'image', file: await file('image/jpeg') }),
    arrives: { type: 'image', body: '' },
  },
  video: {
    content: async (file) => ({ kind: 'video', file: await file('video/mp4'), caption: 'a film' }),
    arrives: { type: 'video', body: 'a film' },
  },
  audio: {
    content: async (file) => ({ kind: 'audio', file: await file('audio/mpeg') }),
    arrives: { type: 'audio', body: '' },
  },
  'voice note': {
    content: async (file) => ({
      kind: 'audio',
      file: await file('audio/ogg; codecs=opus'),
      ...{ voice: true, seconds: 7, waveform: WAVEFORM },
    }),
    arrives: ({ type, media }) => {
      expect(type).to.equal('ptt');
      expect(media).to.deep.include({ seconds: 7, waveform: WAVEFORM });
    },
  },
  document: {
    content: async (file) => ({
      kind: 'document',
      file: await file('application/pdf', 'Faktur №1.pdf'),
      caption: 'the invoice',
    }),
    arrives: ({ type, body, media }) => {
      expect({ type, body }).to.deep.equal({ type: 'document', body: 'the invoice' });
      expect(media?.filename).to.equal('Faktur №1.pdf');
    },
  },
  'image as a document': {
    content: async (file) => ({ kind: 'document', file: await file('image/png', 'scan.png') }),
    arrives: ({ type, media }) =>
      expect([type, media?.filename, media?.mimetype]).to.deep.equal(['document', 'scan.png', 'image/png']),
  },
  sticker: {
    content: async (file) => ({ kind: 'sticker', file: await file('image/webp') }),
    arrives: { type: 'sticker', body: '' },
  },
  location: {
    content: async () => ({
      ...{ kind: 'location', latitude: -6.1753924, longitude: 106.8271528 },
      ...{ name: 'Monas', address: 'Gambir, Jakarta' },
    }),
    arrives: ({ type, location }) => {
      expect(type).to.equal('location');
      const place = { latitude: -6.1753924, longitude: 106.8271528 };
      expect(location).to.deep.equal({ ...place, name: 'Monas', address: 'Gambir, Jakarta' });
    },
  },
  contact: {
    content: async () => ({ kind: 'contacts', contacts: [CARD] }),
    arrives: ({ type, contacts }) => {
      expect(type).to.equal('vcard');
      expect(contacts).to.deep.equal([CARD]);
    },
  },
  contacts: {
    content: async () => ({ kind: 'contacts', contacts: [CARD, OTHER_CARD] }),
    arrives: ({ type, contacts }) => {
      expect(type).to.equal('multi_vcard');
      expect(contacts).to.deep.equal([CARD, OTHER_CARD]);
    },
  },
  poll: {
    content: async () => ({ kind: 'poll', name: 'Lunch?', options: ['Soto', 'Rawon'], selectableCount: 1 }),
    arrives: ({ type, poll }) => {
      expect(type).to.equal('poll_creation');
      const votes: object[] = [];
      expect(poll).to.deep.equal({ name: 'Lunch?', options: ['Soto', 'Rawon'], selectableCount: 1, votes });
    },
  },
};

/** Where messages go. */
const RECIPIENTS = ['a person', 'a person by LID', 'a group'] as const;

/** Every kind of message and of change, there and looked up; a part of the suite of every driver. */
export function describeContents(session: () => LinkedSession): void {
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'contents-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  /** Stores random bytes as a file. */
  async function file(mimetype: string, filename?: string): Promise<MediaFile> {
    const bytes = randomBytes(10_000);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const path = join(folder, sha256);
    await writeFile(path, bytes);
    return { path, mimetype, size: bytes.length, sha256, filename };
  }

  /** A customer, and the chat that the client and the customer share. */
  function chatWith(recipient: (typeof RECIPIENTS)[number]): { customer: Jid; to: Jid; toBot: Jid } {
    const { network, number, freshNumber } = session();
    const customer = freshNumber();
    if (recipient === 'a person by LID') network.account(customer, { addressedByLid: true });
    if (recipient !== 'a group') return { customer, to: customer, toBot: number };
    const { id } = network.group({ name: 'Kinds', participants: [number, customer] });
    return { customer, to: id, toBot: id };
  }

  let questions = 0;

  /** A message of the customer: its ids at the customer and at the client. */
  async function question(chat: ReturnType<typeof chatWith>): Promise<{ theirs: string; ours: string }> {
    questions += 1;
    const words = `question ${questions}`;
    const { id } = session().network.write(chat.customer, { to: chat.toBot, text: words });
    return { theirs: id, ours: await session().received(words) };
  }

  /** The customer's copy of a message, by its id at the client. */
  const copyOf = (customer: Jid, messageId: string): ChatMessage | undefined =>
    session()
      .network.messages(customer)
      .find(({ stanzaId }) => stanzaId === messageId.split('_')[2]);

  /** The copy once it has arrived. */
  const arrival = (customer: Jid, messageId: string): Promise<ChatMessage> =>
    session().eventually('the message', () => copyOf(customer, messageId));

  /** The copy once it is as wanted. */
  const changed = (customer: Jid, messageId: string, fits: (copy: ChatMessage) => boolean) =>
    session().eventually('the change', () => {
      const copy = copyOf(customer, messageId);
      return copy && fits(copy) ? copy : undefined;
    });

  /** Ids that a look-up finds. */
  async function found(to: Jid, content: MessageContent, stanzaId?: string): Promise<string[]> {
    const since = Date.now() - MINUTE_MS;
    return (await session().client.findSent({ to, content, since, stanzaId })).map(
      ({ messageId }) => messageId,
    );
  }

  /** Does something by WhatsApp's clock of another time. */
  async function at<T>(skewMs: number, act: () => Promise<T>): Promise<T> {
    const { network } = session();
    network.configure({ clockSkewMs: skewMs });
    try {
      return await act();
    } finally {
      network.configure({ clockSkewMs: 0 });
    }
  }

  for (const [title, { content: made, arrives }] of Object.entries(SAMPLES))
    for (const recipient of RECIPIENTS)
      it(`sends a ${title} to ${recipient} as an answer, and finds it once`, async () => {
        const chat = chatWith(recipient);
        const content = await made(file);
        const { theirs, ours } = await question(chat);
        expect(await found(chat.to, content), 'before').to.deep.equal([]);
        const { messageId } = await session().client.send(chat.to, content, { quoteId: ours });
        const copy = await arrival(chat.customer, messageId);
        if (typeof arrives === 'function') arrives(copy);
        else expect(copy).to.include(arrives);
        expect(copy.quotedId).to.equal(theirs);
        if ('file' in content) {
          const { size, sha256, mimetype } = content.file;
          expect(copy.media).to.include({ size, sha256, mimetype });
          const bytes = session().network.mediaFile(sha256)?.data;
          expect(createHash('sha256').update(bytes!).digest('hex')).to.equal(sha256);
        }
        expect(await found(chat.to, content), 'after').to.deep.equal([messageId]);
      });

  it('mentions members of a group', async () => {
    const chat = chatWith('a group');
    const content = { kind: 'text', text: 'for @you', mentions: [chat.customer] } as const;
    const { messageId } = await session().client.send(chat.to, { ...content, mentions: [chat.customer] });
    const { mentionedIds } = await arrival(chat.customer, messageId);
    const { pn, lid } = session().network.account(chat.customer);
    expect(mentionedIds).to.have.length(1);
    expect([pn, lid]).to.include(mentionedIds[0]);
  });

  for (const recipient of RECIPIENTS) {
    it(`reacts to a message of ${recipient}, takes it back, and finds either`, async () => {
      const chat = chatWith(recipient);
      const { theirs, ours } = await question(chat);
      const like = { kind: 'reaction', messageId: ours, emoji: '👍' } as const;
      const none = { ...like, emoji: '' } as const;
      expect(await found(chat.to, like), 'before').to.deep.equal([]);
      const handover = await session().client.send(chat.to, like);
      expect(handover).to.include({ ack: 1 });
      const { reactions } = await changed(chat.customer, theirs, (copy) => copy.reactions?.length === 1);
      expect(reactions?.[0]).to.include({ emoji: '👍', fromMe: false });
      expect(await found(chat.to, like)).to.deep.equal([handover.messageId]);
      expect(await found(chat.to, none), 'before it was taken back').to.deep.equal([]);
      await session().client.send(chat.to, none);
      await changed(chat.customer, theirs, (copy) => copy.reactions?.length === 0);
      expect(await found(chat.to, none)).to.have.length(1);
      expect(await found(chat.to, like)).to.deep.equal([]);
    });

    it(`edits a text and a caption sent to ${recipient}, and finds the edits`, async () => {
      const chat = chatWith(recipient);
      const { client } = session();
      for (const content of [text('mispelt'), await SAMPLES.document!.content(file)]) {
        const { messageId } = await client.send(chat.to, content);
        await arrival(chat.customer, messageId);
        const edit = { kind: 'edit', messageId, text: 'misspelt' } as const;
        expect(await found(chat.to, edit), 'before').to.deep.equal([]);
        const handover = await client.send(chat.to, edit);
        expect(handover).to.include({ ack: 1 });
        expect(handover.messageId).to.not.equal(messageId);
        const copy = await changed(chat.customer, messageId, ({ body }) => body === 'misspelt');
        expect(copy.editedAt).to.be.a('number');
        expect(await found(chat.to, edit)).to.deep.equal([handover.messageId]);
        expect(await found(chat.to, { ...edit, text: 'other' })).to.deep.equal([]);
      }
    });

    it(`revokes a message sent to ${recipient} for everyone, and finds both`, async () => {
      const chat = chatWith(recipient);
      const stanzaId = `3EB0C0FFEE${randomBytes(5).toString('hex').toUpperCase()}`;
      const content = await SAMPLES.image!.content(file);
      const { messageId } = await session().client.send(chat.to, content, { stanzaId });
      await arrival(chat.customer, messageId);
      const revocation = { kind: 'revoke', messageId } as const;
      expect(await found(chat.to, revocation), 'before').to.deep.equal([]);
      const handover = await session().client.send(chat.to, revocation);
      expect(handover).to.include({ ack: 1 });
      const copy = await changed(chat.customer, messageId, ({ type }) => type === 'revoked');
      expect(copy).to.not.have.any.keys('media');
      expect(copy.body).to.equal('');
      expect(await found(chat.to, revocation)).to.deep.equal([handover.messageId]);
      expect(await found(chat.to, content, stanzaId), 'the revoked message itself').to.deep.equal([
        messageId,
      ]);
    });
  }

  describe('refuses, before anything leaves,', () => {
    /** A message of ours that is so old. */
    async function old(ageMs: number): Promise<{ chat: ReturnType<typeof chatWith>; handover: Handover }> {
      const chat = chatWith('a person');
      const handover = await at(-ageMs, () => session().client.send(chat.to, text('old')));
      await arrival(chat.customer, handover.messageId);
      return { chat, handover };
    }

    /** The code of a refusal, which says that nothing left. */
    async function refusal(to: Jid, content: MessageContent): Promise<string> {
      const { code, details } = await failureOf(session().client.send(to, content));
      expect(details).to.include({ outcome: 'failed' });
      return code;
    }

    it('an edit after 15 minutes', async () => {
      const { chat, handover } = await old(16 * MINUTE_MS);
      const { messageId } = handover;
      expect(await refusal(chat.to, { kind: 'edit', messageId, text: 'new' })).to.equal('TOO_LATE');
      expect(copyOf(chat.customer, messageId)?.body).to.equal('old');
    });

    it('a revocation after two and a half days, and deletes nothing for us alone', async () => {
      const { chat, handover } = await old(3 * DAY_MS);
      const { messageId } = handover;
      expect(await refusal(chat.to, { kind: 'revoke', messageId })).to.equal('TOO_LATE');
      expect(copyOf(chat.customer, messageId)?.body).to.equal('old');
      expect(copyOf(session().number, messageId)?.body).to.equal('old');
    });

    it('a revocation of what was revoked, but takes one after a day', async () => {
      const { chat, handover } = await old(DAY_MS);
      const { messageId } = handover;
      await session().client.send(chat.to, { kind: 'revoke', messageId });
      expect(await refusal(chat.to, { kind: 'revoke', messageId })).to.equal('NOT_FOUND');
    });

    it("an edit and a revocation of someone else's message", async () => {
      const chat = chatWith('a person');
      const { theirs, ours: messageId } = await question(chat);
      expect(await refusal(chat.to, { kind: 'edit', messageId, text: 'mine' })).to.equal('NOT_OWN_MESSAGE');
      expect(await refusal(chat.to, { kind: 'revoke', messageId })).to.equal('NOT_OWN_MESSAGE');
      expect(copyOf(chat.customer, theirs)?.body).to.match(/^question/);
    });

    it('an edit of what has no text', async () => {
      const chat = chatWith('a person');
      const { messageId } = await session().client.send(chat.to, await SAMPLES.location!.content(file));
      await arrival(chat.customer, messageId);
      expect(await refusal(chat.to, { kind: 'edit', messageId, text: 'new' })).to.equal('INVALID_PAYLOAD');
    });

    it('changes of a message that is not in the chat', async () => {
      const [chat, other] = [chatWith('a person'), chatWith('a person')];
      const { ours } = await question(other);
      for (const messageId of [ours, `true_${chat.to}_3EB0AAAAAAAAAAAAAAAAAA`, 'junk'])
        for (const content of [
          { kind: 'reaction', messageId, emoji: '👍' },
          { kind: 'edit', messageId, text: 'new' },
          { kind: 'revoke', messageId },
        ] as const)
          expect(await refusal(chat.to, content), messageId).to.equal('NOT_FOUND');
    });

    it('a file that is gone', async () => {
      const chat = chatWith('a person');
      const gone = { ...(await file('video/mp4')), path: join(folder, 'gone') };
      expect(await refusal(chat.to, { kind: 'video', file: gone })).to.equal('BAD_GATEWAY');
      expect(session().network.messages(chat.customer)).to.deep.equal([]);
    });
  });
}
