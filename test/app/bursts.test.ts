import { createHash } from 'node:crypto';
import { expect } from 'chai';
import type { Attachment } from '../../src/actors/inbound/attachments.ts';
import type { Draft, DraftFile } from '../../src/sandbox/network/types.ts';
import { callApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { BEARER, BOT, CUSTOMER, PIXEL, UNLIMITED } from '../support/fixtures.ts';
import { linkAgent } from '../support/link-agent.ts';
import { createDatabase } from '../support/postgres.ts';
import { type Service, startService } from '../support/service.ts';

const DEBOUNCE_MS = 500;
const MAX_MS = 1_500;
const IMAGE: DraftFile = { type: 'image', mimetype: 'image/png', data: PIXEL };
const PLACES = ['Monas', 'Kota Tua'].map((name) => ({ latitude: -6.1753924, longitude: 106.8271528, name }));

describe('several messages of a customer', function () {
  this.timeout(30_000);
  let service: Service;
  /** When the AI was asked, by the monotonic clock. */
  let askedAt: number[];

  before(async () => {
    const env = {
      ...UNLIMITED,
      AI_INBOUND_TYPES: 'text,image,location',
      AI_MEDIA: 'base64',
      AI_DEBOUNCE_MS: String(DEBOUNCE_MS),
      AI_DEBOUNCE_MAX_MS: String(MAX_MS),
    };
    service = await startService(await createDatabase(), { env });
    service.ai.behave = ({ body }) => {
      askedAt.push(performance.now());
      return { body: { reply: `AI: ${body.message}` } };
    };
    await linkAgent(service, 'shop', BOT);
  });
  beforeEach(() => {
    service.ai.calls.length = 0;
    askedAt = [];
  });
  after(() => service.close());

  const write = (draft: Partial<Draft>, from = CUSTOMER) =>
    service.network.write(from, { text: '', ...draft, to: BOT });
  const types = (typing: boolean) => service.network.type(CUSTOMER, `${BOT}@c.us`, typing);
  const calls = () => service.ai.calls.map(({ body }) => body);
  const asked = (count = 1) => eventually('the AI to be asked', () => calls().length >= count);
  const inspected = async () => (await callApi(service.url, 'GET', '/inspector/api/agents/shop')).body;

  it('are one request: a text, an image with its bytes, and a text', async () => {
    const ids = [{ text: 'hello' }, { file: IMAGE, text: 'this one' }, { text: 'do you have it?' }].map(
      (draft) => write(draft).id.split('_')[2],
    );
    await asked();
    await eventually('the answer', () =>
      service.network
        .messages(CUSTOMER, `${BOT}@c.us`)
        .some(({ body }) => body === 'AI: hello\nthis one\ndo you have it?'),
    );
    expect(calls()).to.have.length(1);
    const [request] = calls() as [Record<string, unknown>];
    const [attachment, ...others] = request.attachments as Attachment[];
    const bytes = Buffer.from(attachment!.data!, 'base64');
    expect(createHash('sha256').update(bytes).digest()).to.deep.equal(
      createHash('sha256').update(PIXEL).digest(),
    );
    expect(others).to.deep.equal([]);
    const { message_id: newest } = request.metadata as Record<string, string>;
    expect(newest!.split('_')[2]).to.equal(ids[2]);
    const burst = request.burst as { messageId: string; type: string; text: string }[];
    expect(burst.map(({ messageId, type, text }) => [messageId.split('_')[2], type, text])).to.deep.equal([
      [ids[0], 'text', 'hello'],
      [ids[1], 'image', 'this one'],
      [ids[2], 'text', 'do you have it?'],
    ]);
  });

  it('lose none of several locations', async () => {
    for (const location of PLACES) write({ location });
    await asked();
    const [{ location, burst }] = calls() as [{ location: object; burst: { location: object }[] }];
    expect(location).to.deep.equal(PLACES[1]);
    expect(burst.map((part) => part.location)).to.deep.equal(PLACES);
  });

  it('wait while the customer types, and are shown as collecting', async () => {
    write({ text: 'wait' });
    await eventually('the burst', async () => ((await inspected()).turns as { count: number }).count === 1);
    const begun = performance.now();
    types(true);
    const { turns } = (await inspected()) as { turns: { first: Record<string, unknown>[] } };
    expect(turns.first[0]).to.include({ chat: '•••890@c.us', messages: 1, phase: 'collecting' });
    await new Promise((resolve) => setTimeout(resolve, DEBOUNCE_MS));
    types(false);
    const stopped = performance.now();
    await asked();
    expect(askedAt[0]! - stopped).to.be.at.least(DEBOUNCE_MS - 20);
    expect(askedAt[0]! - begun).to.be.below(MAX_MS + 500);
  });

  it('are asked about after the longest wait while the customer types on', async () => {
    write({ text: 'typing on' });
    const begun = performance.now();
    types(true);
    await asked();
    types(false);
    expect(askedAt[0]! - begun).to.be.within(MAX_MS - 20, MAX_MS + 1_000);
  });

  it('are answered as soon as the settings of the agent say so', async () => {
    const change = (debounceMs: number | null) =>
      callApi(service.url, 'PATCH', '/agents/shop/settings', { debounceMs }, BEARER);
    expect((await change(0)).body).to.include({ debounceMs: 0, debounceMaxMs: null });
    const begun = performance.now();
    write({ text: 'now' });
    write({ text: 'and now' });
    await asked(2);
    expect(askedAt[0]! - begun).to.be.below(DEBOUNCE_MS);
    expect(calls().map(({ message }) => message)).to.deep.equal(['now', 'and now']);
    expect(calls()[0]).to.have.all.keys('message', 'sessionId', 'metadata');
    await change(null);
  });
});
