import { expect } from 'chai';
import type { GatewayEvents } from '../../../src/actors/domain/gateway-events.ts';
import type { Transcription } from '../../../src/actors/domain/ports/transcriber.ts';
import { EventBus } from '../../../src/actors/gateway/event-bus.ts';
import { questionOf, transcriptOf } from '../../../src/actors/inbound/transcripts.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { TRACE as traceId } from '../../support/memory-gateway.ts';

const spoken = (text: string) => ({ transcript: { status: 'completed' as const, text } });

describe('questionOf', () => {
  it('is the words of the messages when there are any', () => {
    expect(questionOf('my order', [spoken('hello')])).to.equal('my order');
  });

  it('is what was said in the recordings when there are no words, line by line', () => {
    expect(questionOf('', [spoken('hello')])).to.equal('hello');
    expect(questionOf('\n', [spoken('hello '), {}, spoken('are you open?')])).to.equal(
      'hello\nare you open?',
    );
  });

  it('is empty when nothing was said, or no recording could be transcribed', () => {
    expect(questionOf('', [])).to.equal('');
    expect(questionOf(' ', [{}])).to.equal(' ');
    expect(questionOf('', [spoken(' '), { transcript: { status: 'failed' } }, {}])).to.equal('');
  });
});

describe('transcriptOf', () => {
  const recording = { file: { path: '/voice', size: 3, mimetype: 'audio/ogg' }, seconds: 7 };
  const signal = new AbortController().signal;

  /** The transcript of a recording whose transcription takes 40 ms, and what is reported of it. */
  async function transcribed(result: Transcription) {
    const clock = new ManualClock();
    const events = new EventBus();
    const reports: Parameters<GatewayEvents['transcription']>[0][] = [];
    events.on('transcription', (report) => reports.push(report));
    const transcriber = {
      transcribe: async () => {
        await clock.pass(40);
        return result;
      },
    };
    const options = { agentId: 'shop', traceId, signal };
    const { transcript } = await transcriptOf({ clock, events, transcriber }, recording, options);
    return { transcript, reports };
  }
  const report = { agentId: 'shop', durationMs: 40, traceId };

  it('has the text and the language, and reports how long it took', async () => {
    const { transcript, reports } = await transcribed({ status: 'completed', text: 'halo', language: 'id' });
    expect(transcript).to.deep.equal({ status: 'completed', text: 'halo', language: 'id' });
    expect(reports).to.deep.equal([{ ...report, outcome: 'completed' }]);
  });

  it('has the status alone of a recording that was skipped or failed, and reports the reason', async () => {
    const skipped = await transcribed({ status: 'skipped', reason: 'too_long' });
    expect(skipped.transcript).to.deep.equal({ status: 'skipped' });
    expect(skipped.reports).to.deep.equal([{ ...report, outcome: 'skipped', reason: 'too_long' }]);
    const failed = await transcribed({ status: 'failed', reason: 'refused', httpStatus: 401 });
    expect(failed.transcript).to.deep.equal({ status: 'failed' });
    expect(failed.reports).to.deep.equal([
      { ...report, outcome: 'failed', reason: 'refused', httpStatus: 401 },
    ]);
  });
});
