import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { fileTypeFromFile } from 'file-type';
import type { GatewayError } from '../../../src/actors/domain/errors.ts';
import { measureVoice, toVoice } from '../../../src/infra/media/voice.ts';
import { eventually } from '../../support/eventually.ts';
import { findProgram, whereFound } from '../../support/where-found.ts';

/** The code and words of a refusal. */
const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail('was accepted'),
    (error: GatewayError) => `${error.code} ${error.message}`,
  );

whereFound('voice notes', findProgram('ffmpeg'), 'ffmpeg is not installed', function () {
  this.timeout(30_000);
  let dir: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'voice-'));
  });
  after(() => rm(dir, { recursive: true }));

  /** A recording that is silent for two seconds, then a tone for two. */
  function recording(name: string): string {
    const path = join(dir, name);
    const tone = 'aevalsrc=if(gt(t\\,2)\\,sin(440*2*PI*t)\\,0):s=44100:d=4';
    execFileSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', tone, path]);
    return path;
  }

  for (const name of ['voice.mp3', 'voice.wav', 'voice.m4a'])
    it(`are made of ${name}: Ogg with Opus, with their length and loudness`, async () => {
      const target = join(dir, `${name}.ogg`);
      const { shape } = await toVoice('ffmpeg', recording(name), (bytes) => writeFile(target, bytes));
      const { seconds, waveform } = shape;
      expect((await fileTypeFromFile(target))?.mime).to.equal('audio/ogg; codecs=opus');
      expect(seconds).to.equal(4);
      expect(waveform).to.have.length(64);
      expect(Math.max(...waveform.slice(0, 28)), 'silence').to.be.at.most(5);
      expect(Math.min(...waveform.slice(36, 60)), 'the tone').to.be.at.least(80);
      expect(await measureVoice('ffmpeg', target)).to.include({ seconds: 4 });
    });

  it('of a twentieth of a second last one second', async () => {
    const path = join(dir, 'short.wav');
    execFileSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', 'sine=d=0.02', path]);
    const shape = await measureVoice('ffmpeg', path);
    expect(shape).to.include({ seconds: 1 });
    expect(shape?.waveform).to.have.length(64);
  });

  it('are not made of a file without audio, nor without ffmpeg', async () => {
    const path = join(dir, 'text.mp3');
    await writeFile(path, 'no audio');
    const store = (bytes: AsyncIterable<Buffer>) => writeFile(join(dir, 'none.ogg'), bytes);
    expect(await refusal(toVoice('ffmpeg', path, store))).to.match(/^UNSUPPORTED_MEDIA_TYPE .*audio/);
    expect(await refusal(toVoice('/no/such/ffmpeg', path, store))).to.match(
      /^UNSUPPORTED_MEDIA_TYPE .*ffmpeg/,
    );
    expect(await measureVoice('/no/such/ffmpeg', path)).to.equal(null);
  });

  it('are made two at a time, without the settings of the service', async () => {
    const [program, log, go] = ['held-ffmpeg', 'runs', 'go'].map((name) => join(dir, name)) as [
      string,
      string,
      string,
    ];
    const until = `until [ -e ${go} ]; do sleep 0.01; done`;
    const lines = ['#!/bin/sh', `echo "begin $DB_URL" >> ${log}`, until, `echo end >> ${log}`, 'exit 1'];
    await writeFile(program, lines.join('\n'), { mode: 0o755 });
    await writeFile(log, '');
    process.env.DB_URL = 'postgres://secret';
    try {
      const runs = Array.from({ length: 5 }, () => refusal(measureVoice(program, log)));
      await eventually('two runs', async () => (await readFile(log, 'utf8')).split('begin').length === 3);
      await writeFile(go, '');
      await Promise.all(runs);
    } finally {
      delete process.env.DB_URL;
    }
    let [running, most] = [0, 0];
    for (const line of (await readFile(log, 'utf8')).trim().split('\n')) {
      running += line === 'end' ? -1 : 1;
      most = Math.max(most, running);
      expect(line).to.be.oneOf(['begin ', 'end']);
    }
    expect(most).to.equal(2);
  });

  it('fail with what their store fails with', async () => {
    const full = new Error('full');
    const store = async (bytes: AsyncIterable<Buffer>) => {
      for await (const _ of bytes) throw full;
    };
    const failure = await toVoice('ffmpeg', recording('full.wav'), store).catch((error: unknown) => error);
    expect(failure).to.equal(full);
  });

  it('read nothing but the file itself, whatever it refers to', async () => {
    const path = join(dir, 'list.mp3');
    await writeFile(path, '#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/secret.mp3\n');
    expect(await refusal(measureVoice('ffmpeg', path))).to.match(/^UNSUPPORTED_MEDIA_TYPE/);
  });
});
