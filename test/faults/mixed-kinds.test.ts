import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import { faultRuns, reportFigures, times } from '../support/fault-runs.ts';
import { PIXEL } from '../support/fixtures.ts';
import { auditAll, type Compose, type Findings, Stream, total } from '../support/ledger.ts';
import { withDatabase } from '../support/postgres.ts';
import { SandboxService } from '../support/sandbox-service.ts';

const MESSAGES = 300;
const RUNS = faultRuns(1, 10);
const PDF = Buffer.from('%PDF-1.4\n%%EOF\n');

/** The bytes of a file in base64, unlike those of any other number: a look-up goes by them. */
const numbered = (bytes: Buffer, words: string) =>
  Buffer.concat([bytes, Buffer.from(words)]).toString('base64');

/** A message of each kind that shows words. */
const KINDS: Compose[] = [
  (words) => words,
  (caption) => ({ type: 'image', image: { data: PIXEL.toString('base64'), caption } }),
  (body) => ({ type: 'text', text: { body } }),
  (caption) => ({
    type: 'document',
    document: { data: numbered(PDF, caption), filename: 'invoice.pdf', caption },
  }),
  (name) => ({ type: 'location', location: { latitude: -6.2, longitude: 106.8, name } }),
  (name) => ({
    type: 'contacts',
    contacts: [{ name: { formatted_name: name }, phones: [{ phone: '+6281200000001' }] }],
  }),
  (name) => ({ type: 'poll', poll: { name, options: ['yes', 'no'] } }),
];

/** Every kind in turn. */
const mixed: Compose = (words) => KINDS[Number(words) % KINDS.length]!(words);

describe('messages of every kind, and a SIGKILL of the service at a random moment', function () {
  this.timeout(180_000 * RUNS);
  const database = withDatabase();
  let service: SandboxService;

  before(async () => {
    service = await SandboxService.create({ DB_URL: database().url }, { door: true });
    await service.up();
    const { agentId, number } = new Stream(1);
    await service.link(agentId, number);
  });
  after(() => service.close());

  it('loses none, sends none twice, and keeps their order', async () => {
    const findings: Findings[] = [];
    for (let run = 0; run < RUNS; run += 1) {
      const stream = new Stream(1, run + 1, mixed);
      const pass = MESSAGES / 3 + ((run * 17) % (MESSAGES / 3));
      await service.running.ask({ crash: { point: 'after the hand-over to the page', pass } });
      const killed = service.running;
      await stream.write(service, MESSAGES);
      await eventually('the kill', () => killed.child.signalCode);
      await service.up();
      await service.connected(stream.agentId);
      // The request that the kill cut off is the caller's to repeat; the rest follows.
      await stream.write(service, MESSAGES - stream.accepted.size);
      findings.push(...(await auditAll(service, [stream])));
    }
    const found = total(findings);
    reportFigures('P1 P2 P3', `kill -9 under ${MESSAGES} messages of every kind, ${times(RUNS)}`, {
      ...found,
    });
    expect(found).to.include({ accepted: MESSAGES * RUNS, lost: 0, duplicates: 0, inversions: 0 });
  });
});
