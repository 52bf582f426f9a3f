import { expect } from 'chai';
import type { Jid } from '../../../src/actors/domain/identity.ts';
import type { WhatsAppClient, WhatsAppClientEvents } from '../../../src/actors/domain/ports/whatsapp.ts';
import type { SandboxNetwork } from '../../../src/sandbox/network/network.ts';
import { failureOf } from '../../support/failure.ts';

type Payload<Name extends keyof WhatsAppClientEvents> = Parameters<WhatsAppClientEvents[Name]>[0];

/** A linked session, and the phones on the other side. */
interface SignalSession {
  client: WhatsAppClient;
  ear: {
    wait<Name extends keyof WhatsAppClientEvents>(
      name: Name,
      fits: (payload: Payload<Name>) => boolean,
    ): Promise<Payload<Name>>;
  };
  network: SandboxNetwork;
  number: Jid;
  freshNumber(): Jid;
  /** The address by which others know an account. */
  addressOf(person: Jid): Jid;
  eventually<T>(what: string, look: () => T | undefined): Promise<T>;
}

/** Reactions, calls and read receipts; a part of the suite of every driver. */
export function describeSignals(session: () => SignalSession): void {
  /** A customer writes; the id that the account has of the message. */
  async function receive(from: Jid, text: string, to = session().number): Promise<string> {
    session().network.write(from, { to, text });
    return (await session().ear.wait('message', ({ body }) => body === text)).id;
  }

  it('reports a reaction to its message, another in its place, and that it was taken back', async () => {
    const { network, ear, freshNumber, client } = session();
    const customer = freshNumber();
    const sent = await client.send(customer, { kind: 'text', text: 'react to this' });
    const stanzaId = sent.messageId.split('_')[2]!;
    await session().eventually('the message', () =>
      network.messages(customer).find((message) => message.stanzaId === stanzaId),
    );
    const { lid } = network.account(customer);
    for (const emoji of ['👍', '☕', '']) {
      network.react(customer, stanzaId, emoji);
      const reaction = await ear.wait(
        'reaction',
        (one) => one.messageId === sent.messageId && one.emoji === emoji,
      );
      expect(reaction).to.include({ chatId: customer, senderId: customer, fromMe: false });
      if (reaction.lid) expect(reaction.lid).to.equal(lid);
      expect(reaction.timestamp).to.be.closeTo(Date.now(), 120_000);
    }
  });

  it('reports who reacted in a group', async () => {
    const { network, ear, freshNumber, number } = session();
    const [author, other] = [freshNumber(), freshNumber()];
    const { id: group } = network.group({ name: 'Reacting', participants: [number, author, other] });
    const messageId = await receive(author, 'who likes it?', group);
    network.react(other, messageId.split('_')[2]!, '🎉');
    const reaction = await ear.wait('reaction', (one) => one.messageId === messageId);
    expect(reaction).to.include({ chatId: group, senderId: other, fromMe: false, emoji: '🎉' });
  });

  it('reports a reaction of the account itself as its own', async () => {
    const { network, ear, freshNumber, number } = session();
    const messageId = await receive(freshNumber(), 'liked on the phone');
    network.react(number, messageId, '❤️');
    const reaction = await ear.wait('reaction', (one) => one.messageId === messageId);
    expect(reaction).to.include({ senderId: number, fromMe: true, emoji: '❤️' });
  });

  it('reports a call once, with its caller', async () => {
    const { network, ear, freshNumber, number } = session();
    const customer = freshNumber();
    for (const isVideo of [false, true]) {
      const { id } = network.call(customer, number, isVideo);
      const call = await ear.wait('call', (one) => one.id === id);
      expect(call).to.include({ from: customer, isVideo, isGroup: false });
      expect(call.timestamp).to.be.closeTo(Date.now(), 120_000);
    }
    const { id: group } = network.group({ name: 'Calling', participants: [number, customer] });
    const { id } = network.call(customer, group);
    expect(await ear.wait('call', (one) => one.id === id)).to.include({ from: customer, isGroup: true });
  });

  for (const addressedByLid of [false, true])
    it(`marks a chat read that is addressed by ${addressedByLid ? 'LID' : 'number'}, and sends the receipts`, async () => {
      const { network, client, freshNumber, addressOf, number } = session();
      const { pn: customer, lid } = network.account(freshNumber(), { addressedByLid });
      for (const address of addressedByLid ? [customer, lid] : [customer]) {
        const text = `read by ${address}`;
        await receive(customer, text);
        await client.markRead(address);
        await session().eventually('the receipt', () =>
          network.messages(customer).find(({ body, ack }) => body === text && ack === 3),
        );
        expect(network.chats(number).find(({ id }) => id === addressOf(customer))?.unread).to.equal(0);
      }
      await client.markRead(customer);
    });

  it('says NOT_FOUND of a chat that is to be marked read and is not there', async () => {
    expect((await failureOf(session().client.markRead(session().freshNumber()))).code).to.equal('NOT_FOUND');
  });
}
