import { expect } from 'chai';
import type { Locator } from 'playwright-core';
import { defaultNumberOf } from '../../src/sandbox/control-api/phone-operations.ts';
import type { ChatMessage } from '../../src/sandbox/network/types.ts';
import { withBrowser } from '../support/browser.ts';
import { whenChromium } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { writeEveryKind } from '../support/every-kind.ts';
import { linkAgent } from '../support/link-agent.ts';
import { faultsOf, overhang } from '../support/page-checks.ts';
import { PhonePage } from '../support/phone-page.ts';
import { FILM, tone } from '../support/recordings.ts';

const SARI = '6285000000001';

whenChromium('every kind of message on the virtual phone', (executablePath) => {
  const suite = withBrowser(executablePath);
  let phone: PhonePage;

  afterEach(() => phone.close());

  /** A property of an element, such as the duration of a sound. */
  const propertyOf = (element: Locator, name: string): Promise<unknown> =>
    element.evaluate((node, key) => Reflect.get(node, key), name);

  /** Opens the page on a linked agent that has written every kind to Sari; the ids that she has. */
  async function withEveryKind(
    agentId: string,
    look: { width?: number; colorScheme?: 'dark' | 'light' } = {},
  ): Promise<Record<string, string>> {
    await linkAgent(suite.service, agentId);
    const ids = await writeEveryKind(suite.service.network, defaultNumberOf(agentId), SARI);
    phone = await PhonePage.open(suite.browser, suite.service.app.url, { agentId, ...look });
    return ids;
  }

  /** The newest message on the agent's phone, once it is of this type. */
  function arrived(agentId: string, type: ChatMessage['type']): Promise<ChatMessage> {
    return eventually(`a message of type ${type}`, () => {
      const newest = suite.service.network.messages(defaultNumberOf(agentId)).at(-1);
      return newest?.type === type && newest;
    });
  }

  it('shows each of them on both phones', async () => {
    await withEveryKind('gallery');
    await phone.agent.locator('.chat-line', { hasText: 'Sari' }).click();
    for (const side of [phone.customer, phone.agent]) {
      const of = (text: string | RegExp) => phone.bubble(side, text);
      await of('See https://example.com/menu').getByRole('link', { name: 'example.com' }).waitFor();
      const photo = of('our garden').locator('img');
      await eventually('the photo', async () => (await propertyOf(photo, 'naturalWidth')) === 48);
      const sticker = side.getByAltText('Sticker');
      await eventually('the sticker', async () => (await propertyOf(sticker, 'naturalWidth')) === 16);
      const film = of('the opening').locator('video[controls]');
      await eventually('the film', async () => (await propertyOf(film, 'videoWidth')) === 32);
      const song = side.locator('audio[controls]');
      await eventually('the song', async () => (await propertyOf(song, 'duration')) === 2);
      await side.getByRole('button', { name: 'Play the voice message, 0:07' }).waitFor();

      const invoice = of('please pay').getByRole('link', { name: 'Download Faktur №1.pdf' });
      expect(await invoice.getAttribute('download')).to.equal('Faktur №1.pdf');
      await invoice.getByText('PDF · 12.3 kB').waitFor();
      const place = of('Monas').getByRole('link');
      expect(await place.getAttribute('href')).to.equal('geo:-6.1754,106.8272');
      await place.getByText('Gambir, Jakarta').waitFor();
      await place.getByText('-6.1754, 106.8272').waitFor();
      await of('Ayu Lestari').getByRole('link', { name: '+62 811-0000-0001' }).waitFor();
      expect(await of('Bagas').getByRole('listitem').count()).to.equal(2);

      const poll = side.getByRole('group', { name: 'Poll: Lunch?' });
      expect(await poll.locator('.option').count()).to.equal(3);
      await of('our garden').locator('.reactions', { hasText: '👍❤️' }).waitFor();
      await of('we open at 8').getByText('edited').waitFor();
      await of('This message was deleted').waitFor();
      expect(await of('a mistake').count()).to.equal(0);
    }
  });

  it('seeks in a film', async () => {
    await withEveryKind('cinema');
    const film = phone.customer.locator('video');
    await eventually('the film', async () => Number(await propertyOf(film, 'readyState')) >= 1);
    await film.evaluate((node) => Reflect.set(node, 'currentTime', 0.5));
    await eventually('the place', async () => (await propertyOf(film, 'seeking')) === false);
    expect(await propertyOf(film, 'currentTime')).to.equal(0.5);
  });

  it('plays a voice note, whose writer sees that it was played', async () => {
    await withEveryKind('radio');
    const sent = () =>
      suite.service.network.messages(defaultNumberOf('radio')).find(({ type }) => type === 'ptt');
    await phone.agent.locator('.chat-line', { hasText: 'Sari' }).click();
    const note = phone.agent.locator('li.bubble[data-kind="ptt"]');
    await note.getByRole('button', { name: /^Play/ }).click();
    await note.getByRole('button', { name: /^Pause/ }).waitFor();
    expect(sent()?.ack, 'played by its writer').to.be.below(4);
    await phone.customer.getByRole('button', { name: /^Play/ }).click();
    await note.getByRole('img', { name: 'played' }).waitFor();
    await note.locator('.voice[data-played]').waitFor();
    expect(sent()?.ack).to.equal(4);
    expect(await phone.curl('Play a voice message')).to.include(`/sandbox/people/${SARI}/play`);
  });

  it('votes as the customer, changes the vote and takes it back', async () => {
    await withEveryKind('canteen');
    const votes = () => {
      const messages = suite.service.network.messages(defaultNumberOf('canteen'));
      return messages.find(({ poll }) => poll)?.poll?.votes.map(({ options }) => options);
    };
    await phone.agent.locator('.chat-line', { hasText: 'Sari' }).click();
    const option = (name: string) => phone.customer.getByRole('button', { name });
    for (const name of ['Soto', 'Rawon']) {
      await option(name).click();
      await phone.customer.locator('.option[aria-pressed="true"]', { hasText: name }).waitFor();
      expect(votes()).to.deep.equal([[name]]);
    }
    await phone.agent.locator('.option[title="Sari"]', { hasText: 'Rawon1' }).waitFor();
    await phone.agent.getByText('1 person voted').waitFor();
    await option('Rawon').click();
    await phone.agent.getByText('0 people voted').waitFor();
    expect(votes()).to.deep.equal([]);
  });

  it('reacts as the customer, and takes the reaction back by another click', async () => {
    await withEveryKind('cheer');
    const reactions = () => {
      const messages = suite.service.network.messages(defaultNumberOf('cheer'));
      return messages.find(({ body }) => body === 'we open at 8')?.reactions?.map(({ emoji }) => emoji);
    };
    await phone.agent.locator('.chat-line', { hasText: 'Sari' }).click();
    const pills = phone.bubble(phone.agent, 'we open at 8').locator('.reactions');
    /** Opens the choice with the keyboard and picks the emoji. */
    const pick = async (emoji: string) => {
      await phone.button('React to: we open at 8').focus();
      await phone.page.keyboard.press('Enter');
      await phone.button(`React with ${emoji}`).click();
    };
    await pick('🙏');
    await pills.getByRole('img', { name: '🙏 Sari' }).waitFor();
    await pick('😂');
    await pills.getByRole('img', { name: '😂 Sari' }).waitFor();
    expect(reactions()).to.deep.equal(['😂']);
    await pick('😂');
    await pills.getByRole('img').waitFor({ state: 'hidden' });
    expect(reactions()).to.deep.equal([]);
  });

  it('sends files by their type, a voice note, a location and a contact as the customer', async () => {
    await linkAgent(suite.service, 'inbox');
    phone = await PhonePage.open(suite.browser, suite.service.app.url, { agentId: 'inbox' });
    const asked = suite.service.ai.calls.length;
    const attach = (name: string, mimeType: string, buffer: Buffer) =>
      phone.customer.getByLabel('Attach a file').setInputFiles({ name, mimeType, buffer });
    await attach('film.mp4', 'video/mp4', FILM);
    await phone.write('look');
    expect(await arrived('inbox', 'video')).to.deep.include({ body: 'look' });

    await attach('list.csv', 'text/csv', Buffer.from('a,b'));
    await phone.customer.locator('.chip', { hasText: 'list.csv · 3 B' }).waitFor();
    await phone.button('Send').last().click();
    const { media: list } = await arrived('inbox', 'document');
    expect(list).to.include({ filename: 'list.csv', mimetype: 'text/csv', size: 3 });

    await attach('voice.wav', 'audio/wav', tone(2));
    await phone.page.getByLabel('as a voice note').check();
    await phone.button('Send').last().click();
    const { media: voice } = await arrived('inbox', 'ptt');
    expect(voice).to.include({ mimetype: 'audio/wav', seconds: 2 });
    expect(voice?.waveform).to.have.length(64);
    expect([voice?.waveform?.[0], voice?.waveform?.at(-1)]).to.deep.equal([1, 100]);
    await phone.customer.getByRole('button', { name: 'Play the voice message, 0:02' }).waitFor();

    await phone.customer.getByRole('button', { name: 'Attach', exact: true }).click();
    await phone.button('Location').click();
    await phone.page.getByLabel('Latitude').fill('-8.5069');
    await phone.page.getByLabel('Longitude').fill('115.2625');
    await phone.page.getByRole('dialog').getByLabel('Name').fill('Ubud');
    await phone.page.getByRole('dialog').getByRole('button', { name: 'Send' }).click();
    const { location } = await arrived('inbox', 'location');
    expect(location).to.deep.equal({ latitude: -8.5069, longitude: 115.2625, name: 'Ubud' });

    await phone.customer.getByRole('button', { name: 'Attach', exact: true }).click();
    await phone.button('Contact').click();
    await phone.page.getByRole('dialog').getByLabel('Name').fill('Dewi');
    await phone.page.getByRole('dialog').getByLabel('Number').fill('+62 812');
    await phone.page.getByRole('dialog').getByRole('button', { name: 'Send' }).click();
    const { contacts } = await arrived('inbox', 'vcard');
    expect(contacts).to.deep.equal([{ name: { formatted_name: 'Dewi' }, phones: [{ phone: '+62 812' }] }]);
    expect(await phone.curl('Send a contact')).to.include('"contacts"');

    await attach('voice.wav', 'audio/wav', tone(1));
    await phone.page.getByLabel('as a voice note').check();
    await phone.write('listen');
    await phone.noticed('text must be empty: ptt has no caption');
    await phone.customer.locator('.chip', { hasText: 'voice.wav' }).waitFor();
    await attach('large.bin', 'application/octet-stream', Buffer.alloc(12_000_000));
    await phone.write('too much');
    await phone.noticed('11 MB at most');
    await phone.customer.locator('.chip', { hasText: 'large.bin · 12.0 MB' }).waitFor();
    expect(suite.service.ai.calls).to.have.length(asked);
  });

  for (const [colorScheme, width] of [
    ['light', 1400],
    ['dark', 390],
  ] as const)
    it(`has no serious axe-core finding and nothing that sticks out, ${colorScheme}, ${width} px`, async () => {
      const ids = await withEveryKind(`look-${width}`, { width, colorScheme });
      suite.service.network.vote(SARI, ids.poll!, ['Soto']);
      await phone.customer.locator('.option[aria-pressed="true"]').waitFor();
      const film = phone.customer.locator('video');
      await eventually('the film', async () => (await propertyOf(film, 'videoWidth')) === 32);
      const log = phone.customer.getByRole('log');
      const below = () => log.evaluate((node) => node.scrollHeight - node.scrollTop - node.clientHeight);
      await eventually('the newest message to be in sight', async () => (await below()) <= 1);
      await phone.button('React to: we open at 8').focus();
      await phone.page.keyboard.press('Enter');
      await phone.customer.getByRole('button', { name: 'Attach', exact: true }).click();
      await phone.button('Location').waitFor();
      expect(await faultsOf(phone.page)).to.deep.equal([]);
      expect(await overhang(phone.page)).to.equal(0);
      expect(await log.evaluate((node) => node.scrollWidth - node.clientWidth)).to.equal(0);
    });
});
