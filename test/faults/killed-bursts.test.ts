import { expect } from 'chai';
import { AiServer } from '../support/ai-server.ts';
import type { CrashPoint } from '../support/crash-points.ts';
import { eventually } from '../support/eventually.ts';
import { faultRuns, reportFigures, times } from '../support/fault-runs.ts';
import { BOT } from '../support/fixtures.ts';
import { withDatabase } from '../support/postgres.ts';
import { SandboxService } from '../support/sandbox-service.ts';

const RUNS = faultRuns(1, 20);
const AGENT = 'shop';

/** The steps of a burst at which the service is killed, and how often the AI is asked then. */
const STEPS: [string, number][] = [
  ['while it is collected', 1],
  ['after an inbound message was claimed', 1],
  ['while the AI is asked', 2],
  // The row of the answer: the AI has answered.
  ['after the body was parsed', 2],
  ['after INSERT accepted', 1],
  ['after the hand-over to the page', 1],
];

describe('a burst of messages, when the service is killed with SIGKILL', function () {
  this.timeout(120_000 + RUNS * 120_000);
  const database = withDatabase();
  const ai = new AiServer();
  let service: SandboxService;
  let customers = 0;

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

  const write = (from: string, text: string) =>
    service.call('POST', `/sandbox/phones/${AGENT}/messages`, { from, text });

  /** Arranges that the running service is killed at the step of the next burst. */
  async function arm(step: string): Promise<void> {
    const dying = service.running;
    if (step === 'while the AI is asked')
      ai.behave = () => {
        dying.child.kill('SIGKILL');
        return 'hang';
      };
    else if (step !== 'while it is collected')
      await dying.ask({ crash: { point: step as CrashPoint, pass: 1 } });
  }

  /** Writes a burst of two messages, has the service killed at the step, and starts it again. */
  async function kill(step: string, from: string, texts: [string, string]): Promise<void> {
    const dying = service.running;
    await arm(step);
    for (const text of texts) await write(from, text);
    if (step === 'while it is collected') dying.child.kill('SIGKILL');
    await eventually(`the kill ${step}`, () => dying.child.signalCode);
    ai.behave = ({ body }) => ({ body: { reply: `AI: ${body.message}` } });
    await service.up();
    await service.connected(AGENT);
  }

  for (const [step, askedAtMost] of STEPS)
    it(`${step}: is asked about ${askedAtMost === 1 ? 'once' : 'twice at most'}, whole, and answered once`, async () => {
      const figures = { bursts: RUNS, calls: 0, answers: 0 };
      for (let run = 0; run < RUNS; run += 1) {
        customers += 1;
        const from = `62812${String(customers).padStart(8, '0')}`;
        const texts: [string, string] = [`first of ${customers}`, `second of ${customers}`];
        const whole = texts.join('\n');
        await kill(step, from, texts);
        const sent = () => service.sentTexts(AGENT, `${from}@c.us`);
        await eventually('the answer', async () => (await sent()).length > 0);
        // Whatever else was to be asked about in this chat comes before it.
        await write(from, 'later');
        await eventually('the later answer', async () => (await sent()).includes('AI: later'));
        const asked = ai.calls
          .map(({ body }) => String(body.message))
          .filter((text) => text.includes(`of ${customers}`));
        expect(asked).to.deep.equal(Array(asked.length).fill(whole));
        expect(asked.length).to.be.within(1, askedAtMost);
        expect(await sent()).to.deep.equal([`AI: ${whole}`, 'AI: later']);
        figures.calls += asked.length;
        figures.answers += 1;
      }
      reportFigures('P12', `kill -9 of a burst ${step}, ${times(RUNS)}`, figures);
    });
});
