import { expect } from 'chai';
import { NO_SETTINGS } from '../../src/actors/domain/settings.ts';
import { AT } from '../support/fake-system.ts';
import { expectProblem, Harness } from '../support/http-harness.ts';

const CHAT = '6281234567890@c.us';
const key = 'secret-key';

describe('who answers a chat', () => {
  let http: Harness;
  beforeEach(async () => {
    http = await new Harness().start();
  });
  afterEach(() => http.stop());

  const chat = (written: string, json?: object) =>
    http.ask(`/agents/bot/chats/${written}`, { key, ...(json && { method: 'PUT', json }) });

  it('is set, read and listed by the number in any form', async () => {
    expect((await chat('081234567890')).body).to.deep.equal({ chatId: CHAT, mode: 'bot' });
    const set = await chat('081234567890', { mode: 'human', minutes: 30 });
    const until = new Date(AT.getTime() + 1_800_000).toISOString();
    const expected = { chatId: CHAT, mode: 'human', since: AT.toISOString(), until };
    expect([set.status, set.body]).to.deep.equal([200, expected]);
    expect((await chat(encodeURIComponent(CHAT))).body).to.deep.equal(expected);
    const listed = await http.ask('/agents/bot/chats?mode=human', { key });
    expect(listed.body).to.deep.equal({ chats: [expected] });
    expect((await http.ask('/agents/bot/chats?mode=closed', { key })).body).to.deep.equal({ chats: [] });
  });

  it('is set until it is changed when minutes are missing or null', async () => {
    for (const minutes of [undefined, null]) {
      const { body } = await chat('123456789@lid', { mode: 'closed', minutes });
      expect(body).to.include({ chatId: '123456789@lid', mode: 'closed' }).and.not.to.have.property('until');
    }
  });

  it('is for the holder of the agent’s key alone', async () => {
    for (const path of ['/agents/bot/chats?mode=human', `/agents/bot/chats/${CHAT}`, '/agents/bot/settings'])
      expectProblem(await http.ask(path), 'UNAUTHORIZED');
    const put = { method: 'PUT', json: { mode: 'human' } };
    expectProblem(await http.ask(`/agents/bot/chats/${CHAT}`, put), 'UNAUTHORIZED');
    expect(http.system.chats.size).to.equal(0);
  });

  it('is reported to those who watch the session, with its end and its cause', async () => {
    const response = await fetch(`${http.url}/sessions/bot/events`);
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    const since = AT.getTime();
    const change = { agentId: 'bot', chatId: CHAT, from: 'bot', mode: 'human', since } as const;
    let text = '';
    while (!text.includes('event: mailbox')) text += (await reader.read()).value;
    http.system.events.emit('chatMode', { ...change, until: since + 1, cause: 'person' });
    while (!text.includes('event: chat.mode')) text += (await reader.read()).value;
    const data = /event: chat\.mode\ndata: (.*)/.exec(text)?.[1];
    expect(JSON.parse(String(data))).to.deep.equal({
      chatId: CHAT,
      mode: 'human',
      from: 'bot',
      since: AT.toISOString(),
      until: new Date(since + 1).toISOString(),
      cause: 'person',
    });
    await reader.cancel();
  });
});

describe('the settings of an agent', () => {
  let http: Harness;
  beforeEach(async () => {
    http = await new Harness().start();
  });
  afterEach(() => http.stop());

  const patch = (json: object) => http.ask('/agents/bot/settings', { method: 'PATCH', key, json });

  it('are null until they are set; a change keeps what it does not name, and null restores the default', async () => {
    const settings = await http.ask('/agents/bot/settings', { key });
    expect(settings.body).to.deep.equal(NO_SETTINGS);
    await patch({ handoverMinutes: 0 });
    const changed = await patch({ ignore: ['081234567890', '@g.us', '@lid', '1@g.us'] });
    const ignore = [CHAT, '@g.us', '@lid', '1@g.us'];
    expect(changed.body).to.deep.equal({ ...NO_SETTINGS, handoverMinutes: 0, ignore });
    expect((await patch({ handoverMinutes: null })).body).to.deep.equal({ ...NO_SETTINGS, ignore });
    expect((await patch({})).body).to.deep.equal({ ...NO_SETTINGS, ignore });
  });
});
