import { expect } from 'chai';
import { AiServer } from '../support/ai-server.ts';
import { eventually } from '../support/eventually.ts';
import { faultRuns, reportFigures, times } from '../support/fault-runs.ts';
import { BOT } from '../support/fixtures.ts';
import { withDatabase } from '../support/postgres.ts';
import { SandboxService } from '../support/sandbox-service.ts';

const RUNS = faultRuns(1, 20);
const AGENT = 'shop';

/** Two messages of a customer. */
interface Burst {
  from: string;
  texts: [string, string];
  /** How far it had got when the service was killed. */
  step: string;
  /** How often the AI is asked about it then. */
  askedAtMost: number;
}

const whole = ({ texts }: Burst) => texts.join('\n');

describe('bursts of messages, when the service is killed with SIGKILL', function () {
  this.timeout(120_000 + RUNS * 120_000);
  const database = withDatabase();
  const ai = new AiServer();
  const bursts: Burst[] = [];
  let service: SandboxService;

  before(async () => {
    await ai.open();
    const env = { DB_URL: database().url, AI_BACKEND_URL: ai.url, AI_DEBOUNCE_MS: '400' };
    service = await SandboxService.create(env, { door: true });
    await service.up();
    await service.link(AGENT, BOT);
  });
  after(async () => {
    await service.close();
    await ai.close();
  });

  const phone = (path: string, body: object) =>
    service.call('POST', `/sandbox/phones/${AGENT}/${path}`, body);
  const write = (from: string, text: string) => phone('messages', { from, text });
  const sent = ({ from }: Burst) => service.sentTexts(AGENT, `${from}@c.us`);
  /** What the AI was asked about a burst. */
  const calls = ({ texts }: Burst) =>
    ai.calls
      .map(({ body }) => String(body.message))
      .filter((message) => texts.some((text) => message.includes(text)));
  const asked = (burst: Burst) => eventually('the AI to be asked', () => calls(burst).length > 0);

  /** Another customer writes a burst. */
  async function begin(step: string, askedAtMost: number): Promise<Burst> {
    const number = bursts.length + 1;
    const from = `62812${String(number).padStart(8, '0')}`;
    const burst: Burst = { from, texts: [`first of ${number}.`, `second of ${number}.`], step, askedAtMost };
    bursts.push(burst);
    for (const text of burst.texts) await write(from, text);
    return burst;
  }

  /** Has the service killed while it has a burst at each of the steps. */
  async function kill(): Promise<void> {
    const dying = service.running;
    const collected = await begin('while it is collected', 1);
    await phone('typing', { from: collected.from, typing: true });
    const hanging = await begin('while the AI is asked', 2);
    ai.behave = ({ body }) =>
      body.message === whole(hanging) ? 'hang' : { body: { reply: `AI: ${body.message}` } };
    await asked(hanging);
    await dying.ask({ hold: 'after an inbound message was claimed' });
    const claimed = await begin('after its messages were claimed', 1);
    await dying.ask({ hold: 'after the body was parsed' });
    await asked(await begin('before its answer is stored', 2));
    await service.delaySends(AGENT, 5_000);
    // The second answer that is stored: the first is being sent then.
    await dying.ask({ crash: { point: 'after INSERT accepted', pass: 2 } });
    await asked(await begin('while its answer is sent', 1));
    await begin('after its answer was stored', 1);
    await eventually('the kill', () => dying.child.signalCode);
    expect([calls(collected), calls(claimed)]).to.deep.equal([[], []]);
    ai.behave = ({ body }) => ({ body: { reply: `AI: ${body.message}` } });
  }

  it('are asked about once more at most at each step, whole, and answered once', async () => {
    for (let run = 0; run < RUNS; run += 1) {
      await kill();
      await service.up();
      await service.delaySends(AGENT, 0);
      await service.connected(AGENT);
      for (const burst of bursts)
        await eventually(
          `the answer to one killed ${burst.step}`,
          async () => (await sent(burst)).length > 0,
        );
    }
    // Whatever else was to be asked about in a chat comes before it.
    await Promise.all(bursts.map(({ from }) => write(from, 'later')));
    const answers = await Promise.all(
      bursts.map((burst) =>
        eventually('the later answer', async () => {
          const texts = await sent(burst);
          return texts.includes('AI: later') && texts;
        }),
      ),
    );
    const total = bursts.reduce((sum, burst) => sum + calls(burst).length, 0);
    const figures = { bursts: bursts.length, calls: total, answers: answers.flat().length - bursts.length };
    reportFigures('P12', `kill -9 with a burst at each of its steps, ${times(RUNS)}`, figures);
    for (const [index, burst] of bursts.entries()) {
      expect(answers[index], burst.step).to.deep.equal([`AI: ${whole(burst)}`, 'AI: later']);
      expect(calls(burst), burst.step).to.deep.equal(Array(calls(burst).length).fill(whole(burst)));
      expect(calls(burst).length, burst.step).to.be.within(1, burst.askedAtMost);
    }
  });
});
