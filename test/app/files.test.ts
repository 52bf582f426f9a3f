import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { callApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { agentSpec, BEARER, PIXEL } from '../support/fixtures.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { withDatabase } from '../support/postgres.ts';
import { type Service, startService } from '../support/service.ts';

describe('files, over HTTP and across restarts', () => {
  const database = withDatabase();
  let dir: string;
  let service: Service;
  let clock: ManualClock;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'gateway-files-'));
    clock = new ManualClock();
    service = await started();
    await callApi(service.app.url, 'POST', '/sessions', agentSpec('demo'));
  });
  afterEach(async () => {
    await callApi(service.app.url, 'DELETE', '/sessions/demo');
    await service.close();
    await rm(dir, { recursive: true, force: true });
  });

  /** A service with a store of a megabyte, in a folder that outlives it. */
  const started = () =>
    startService(database(), {
      clock,
      env: { DATA_DIR: dir, FILES_MAX_MB: '1', FILES_TTL_HOURS: '2', QR_WAIT_MS: '0' },
    });

  /** Uploads a form with one file. */
  async function upload(
    bytes: Buffer,
    name = 'a.png',
  ): Promise<{ status: number; answer: Record<string, string> }> {
    const body = new FormData();
    body.set('file', new Blob([bytes]), name);
    const reply = await fetch(`${service.app.url}/agents/demo/files`, {
      method: 'POST',
      headers: BEARER,
      body,
    });
    return { status: reply.status, answer: (await reply.json()) as Record<string, string> };
  }

  const files = () => readdir(join(dir, 'files'));
  const download = (id: string) => fetch(`${service.app.url}/agents/demo/files/${id}`, { headers: BEARER });
  /** Follows a link, which is made for the public address. */
  function follow(url: string): Promise<Response> {
    const { pathname, search } = new URL(url);
    return fetch(service.app.url + pathname + search);
  }

  it('are the same after a restart, and so are their links', async () => {
    const { status, answer } = await upload(PIXEL);
    expect(status).to.equal(201);
    expect(answer).to.include({ mimetype: 'image/png', size: PIXEL.length });
    expect(answer.url).to.match(/^http:\/\/localhost:0\/files\//);
    await service.close();
    service = await started();
    for (const reply of [await download(answer.id!), await follow(answer.url!)]) {
      expect(reply.status).to.equal(200);
      expect(reply.headers.get('content-type')).to.equal('image/png');
      expect(Buffer.from(await reply.arrayBuffer())).to.deep.equal(PIXEL);
    }
  });

  it('expire after FILES_TTL_HOURS, links too, and their bytes are swept', async () => {
    const { answer } = await upload(PIXEL);
    expect(Date.parse(answer.expiresAt!)).to.equal(clock.now() + 2 * 3_600_000);
    await clock.pass(2 * 3_600_000);
    expect((await download(answer.id!)).status).to.equal(404);
    expect((await follow(answer.url!)).status).to.equal(403);
    // The next sweep is due once the one before has ended.
    await eventually('the sweep', async () => {
      await clock.pass(300_000);
      return (await files()).length === 0;
    });
  });

  it('are at most FILES_MAX_MB: the oldest make room, a larger one is 413', async () => {
    const oldest = await upload(Buffer.alloc(600_000));
    await clock.pass(1_000);
    const newest = await upload(Buffer.alloc(600_000));
    expect((await download(oldest.answer.id!)).status).to.equal(404);
    expect((await download(newest.answer.id!)).status).to.equal(200);
    const larger = await upload(Buffer.alloc(1024 * 1024 + 1));
    expect(larger.status).to.equal(413);
    expect(larger.answer.error).to.include({ code: 'PAYLOAD_TOO_LARGE' });
    expect(await files()).to.deep.equal([newest.answer.id]);
  });

  it('are deleted with their session', async () => {
    const { answer } = await upload(PIXEL);
    await callApi(service.app.url, 'DELETE', '/sessions/demo');
    await eventually('the sweep', async () => (await files()).length === 0);
    expect((await follow(answer.url!)).status).to.equal(404);
  });

  it('have a name without a path, whatever was sent, and no header of it', async () => {
    const { answer } = await upload(PIXEL, '../../etc/\u202egnp.passwd\r\nSet-Cookie: a=b');
    const { headers } = await download(answer.id!);
    expect(headers.get('set-cookie')).to.equal(null);
    expect(headers.get('content-disposition')).to.match(/^attachment; filename="gnp\.passwd%0D%0A/);
  });

  it('are shown by /metrics', async () => {
    await upload(PIXEL);
    const text = await (await fetch(`${service.app.url}/metrics`)).text();
    expect(text)
      .to.match(/^wa_files 1$/m)
      .and.match(/^wa_files_bytes 4096$/m);
    expect(text).to.match(/^wa_files_capacity_bytes 1048576$/m);
  });
});
