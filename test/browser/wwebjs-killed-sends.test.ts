import { createHash, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { MediaFile, MessageContent } from '../../src/actors/domain/message-content.ts';
import { browsersOf } from '../../src/infra/whatsapp/wwebjs/processes.ts';
import { whenChromium } from '../support/chromium.ts';
import { text } from '../support/contents.ts';
import { forEachEdition } from '../support/editions.ts';
import { eventually } from '../support/eventually.ts';
import { agentRef, BOT_CHAT, CUSTOMER, CUSTOMER_CHAT } from '../support/fixtures.ts';
import { next, WwebjsWorld } from '../support/wwebjs.ts';

const MINUTE_MS = 60_000;

/** Our part of a message's id, which is chosen before the hand-over. */
const newStanzaId = () => `3EB0${randomBytes(9).toString('hex').toUpperCase()}`;

whenChromium('a browser that is killed right after a hand-over', (executablePath) => {
  forEachEdition((page) => {
    describe(page.name, function () {
      this.timeout(120_000);
      let world: WwebjsWorld;
      before(async () => {
        world = await WwebjsWorld.open(executablePath, page);
      });
      after(() => world.close());

      /** Stores random bytes as a file. */
      async function file(mimetype: string, filename?: string): Promise<MediaFile> {
        const bytes = randomBytes(5_000);
        const sha256 = createHash('sha256').update(bytes).digest('hex');
        const path = join(world.authDir, sha256);
        await writeFile(path, bytes);
        return { path, mimetype, size: bytes.length, sha256, filename };
      }

      it('leaves one copy of each kind, which the next browser finds, so that none is sent again', async () => {
        const driver = world.driver();
        const agent = agentRef('killed');
        const dying = driver.create(agent);
        await world.link(dying, BOT_CHAT);
        const received = next(dying, 'message');
        world.network.write(CUSTOMER, { to: BOT_CHAT, text: 'a question' });
        const question = (await received).id;
        const [edited, revoked] = await Promise.all(
          ['mispelt', 'a mistake'].map((words) => dying.send(CUSTOMER_CHAT, text(words))),
        );
        const contents: MessageContent[] = [
          text('hello'),
          { kind: 'image', file: await file('image/png'), caption: 'look' },
          { kind: 'video', file: await file('video/mp4') },
          { kind: 'audio', file: await file('audio/mpeg') },
          { kind: 'audio', file: await file('audio/ogg; codecs=opus'), voice: true, seconds: 3 },
          { kind: 'document', file: await file('application/pdf', 'invoice.pdf') },
          { kind: 'sticker', file: await file('image/webp') },
          { kind: 'location', latitude: -6.2, longitude: 106.8, name: 'Monas' },
          {
            kind: 'contacts',
            contacts: [{ name: { formatted_name: 'Ayu' }, phones: [{ phone: '+62811' }] }],
          },
          { kind: 'poll', name: 'Lunch?', options: ['Soto', 'Rawon'], selectableCount: 1 },
          { kind: 'reaction', messageId: question, emoji: '👍' },
          { kind: 'edit', messageId: edited!.messageId, text: 'misspelt' },
          { kind: 'revoke', messageId: revoked!.messageId },
        ];
        const since = Date.now() - MINUTE_MS;
        const sends = contents.map((content) => ({ content, stanzaId: newStanzaId() }));
        const handedOver = sends.map(({ content, stanzaId }) =>
          dying.send(CUSTOMER_CHAT, content, { stanzaId }).catch(() => undefined),
        );
        const copies = () => world.network.messages(CUSTOMER_CHAT);
        /** Every kind is at the customer. */
        const isAllThere = () =>
          copies().filter(({ stanzaId }) => sends.some((send) => send.stanzaId === stanzaId)).length >= 10 &&
          copies().some(({ reactions }) => reactions?.length === 1) &&
          copies().some(({ body }) => body === 'misspelt') &&
          copies().some(({ type }) => type === 'revoked');
        await eventually('every message to be at the customer', isAllThere);
        for (const pid of browsersOf(world.profileOf(agent.agentId))) process.kill(pid, 'SIGKILL');
        await Promise.all(handedOver);
        await dying.destroy();

        const client = driver.create(agent);
        await Promise.all([next(client, 'ready'), client.start()]);
        const to = (await client.resolveRecipient(CUSTOMER_CHAT))!;
        for (const { content, stanzaId } of sends) {
          const found = await client.findSent({ to, content, stanzaId, since });
          expect(found, content.kind).to.have.length(1);
          expect(found[0]!.ack, content.kind).to.be.at.least(1);
        }
        await driver.close();
      });
    });
  });
});
