import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type ClientRequest, createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import pg from 'pg';
import type { CrashPoint } from '../support/crash-points.ts';
import { eventually } from '../support/eventually.ts';
import { faultRuns, moments, reportFigures, times } from '../support/fault-runs.ts';
import { BEARER, CUSTOMER, CUSTOMER_CHAT } from '../support/fixtures.ts';
import { withDatabase } from '../support/postgres.ts';
import { SandboxService } from '../support/sandbox-service.ts';

const KILLS = faultRuns(2, 20);
const AGENT = 'bot';
const MEGABYTE = 1024 * 1024;
const LARGEST = 64 * MEGABYTE;
/** Beyond idle; a file of 64 MB held in memory would exceed it, and so would its form. */
const GROWTH = 80 * MEGABYTE;
const DOCUMENTS = 20;
const QUEUED_GROWTH = 150 * MEGABYTE;

/** Serves a file of 64 MB, which is never whole in memory here either. */
async function largeFiles(): Promise<{ url: string; close(): void }> {
  const chunk = randomBytes(MEGABYTE);
  const server = createServer(async (_request, response) => {
    response.writeHead(200, { 'content-length': LARGEST });
    for (let sent = 0; sent < LARGEST; sent += chunk.length)
      if (!response.write(chunk)) await once(response, 'drain');
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => void server.close() };
}

describe('uploads of files', function () {
  this.timeout(180_000 + KILLS * 30_000);
  const database = withDatabase();
  let service: SandboxService;
  let sql: pg.Pool;
  let links: Awaited<ReturnType<typeof largeFiles>>;

  before(async () => {
    links = await largeFiles();
    const env = { DB_URL: database().url, MEDIA_ALLOWED_ORIGINS: links.url };
    service = await SandboxService.create(env, { door: true });
    await service.up();
    await service.link(AGENT, '6281111111111');
    sql = new pg.Pool({ ...database().config, max: 1 });
  });
  after(async () => {
    await sql?.end();
    await service?.close();
    links?.close();
  });

  const folder = () => readdirSync(join(service.dir, 'data', 'files')).sort();

  /** The ids of the rows, which have to be the names in the folder: no file is lost, no bytes are left over. */
  async function ids(): Promise<string[]> {
    const { rows } = await sql.query<{ id: string }>('select id from gateway_file');
    return rows.map(({ id }) => id).sort();
  }

  /** Begins an upload. */
  function begin(headers: Record<string, string>): ClientRequest {
    const path = `/agents/${AGENT}/files`;
    const sent = request(new URL(path, service.url), { method: 'POST', headers: { ...BEARER, ...headers } });
    sent.on('error', () => {});
    return sent;
  }

  /** Writes bytes; resolves once they have left, or never will. */
  const write = (sent: ClientRequest, bytes: Buffer) =>
    new Promise<void>((resolve) => sent.write(bytes, () => resolve()));

  /** Stores bytes; gives the id. */
  async function store(bytes: Buffer): Promise<string> {
    const answer = await fetch(`${service.url}/agents/${AGENT}/files`, {
      method: 'POST',
      headers: { ...BEARER, 'content-type': 'application/octet-stream' },
      body: bytes,
    });
    expect(answer.status).to.equal(201);
    return String(((await answer.json()) as { id: string }).id);
  }

  /** Arms a point, does what passes it, and starts the service again. */
  async function dieAt(point: CrashPoint, pass: () => Promise<unknown>): Promise<void> {
    const dying = service.running;
    await dying.ask({ crash: { point, pass: 1 } });
    await pass().catch(() => undefined);
    expect((await dying.ended).signal, point).to.equal('SIGKILL');
    await service.up();
  }

  it('that a kill -9 cuts off leave no bytes after the next start, and no stored file is lost', async () => {
    const kept = await store(Buffer.from('kept'));
    const killAfter = moments('upload', 20);
    let parts = 0;
    for (let kill = 0; kill < KILLS; kill += 1) {
      const sent = begin({ 'content-type': 'application/octet-stream', 'content-length': String(LARGEST) });
      for (let chunk = 0; chunk <= killAfter(); chunk += 1) await write(sent, randomBytes(MEGABYTE));
      await eventually('the part', () => folder().some((name) => name.endsWith('.part')));
      await service.running.end('SIGKILL');
      parts += folder().filter((name) => name.endsWith('.part')).length;
      sent.destroy();
      await service.up();
      expect(folder()).to.deep.equal([kept]);
      expect(await ids()).to.deep.equal([kept]);
    }
    reportFigures('files', `kill -9 in the middle of an upload, ${times(KILLS)}`, {
      parts,
      left: folder().length - 1,
      lost: 0,
    });
    expect(parts).to.equal(KILLS);
  });

  it('of a message are sent once with it, whether a kill -9 comes before or after the message is stored', async () => {
    for (const point of ['after the row of a file was written', 'after INSERT accepted'] as const) {
      const [before, sent] = [await ids(), await service.sentTexts(AGENT, CUSTOMER_CHAT)];
      const document = { data: randomBytes(1_000).toString('base64'), filename: 'a.bin', caption: point };
      const send = () =>
        service.call(
          'POST',
          `/agents/${AGENT}/messages`,
          { to: CUSTOMER, type: 'document', document },
          { 'idempotency-key': point },
        );
      await dieAt(point, send);
      await service.connected(AGENT);
      const { body } = await send();
      await service.settled(AGENT, [String(body.id)]);
      expect(await service.sentTexts(AGENT, CUSTOMER_CHAT)).to.deep.equal([...sent, point]);
      // That of the first attempt, where its message was not stored, is kept for five minutes.
      await sql.query("update gateway_file set taken_until = now() - interval '1 second'");
      await service.running.end('SIGKILL');
      await service.up();
      expect(await ids()).to.deep.equal(before);
      expect(folder()).to.deep.equal(before);
    }
  });

  it('and deletes leave row and bytes together, or neither, at whichever step a kill -9 comes', async () => {
    const before = await ids();
    await dieAt('before the row of a file is written', () => store(Buffer.from('a')));
    expect(await ids()).to.deep.equal(before);
    expect(folder()).to.deep.equal(before);
    await dieAt('after the row of a file was written', () => store(Buffer.from('b')));
    const stored = await ids();
    expect(stored).to.have.length(before.length + 1);
    expect(folder()).to.deep.equal(stored);
    const id = stored.find((one) => !before.includes(one))!;
    const target = `${service.url}/agents/${AGENT}/files/${id}`;
    expect(await (await fetch(target, { headers: BEARER })).text()).to.equal('b');
    await dieAt('after the row of a file was deleted', () =>
      fetch(target, { method: 'DELETE', headers: BEARER }),
    );
    expect(await ids()).to.deep.equal(before);
    expect(folder()).to.deep.equal(before);
  });

  if (process.platform !== 'linux') return;

  /** A figure of the service's memory in bytes. */
  function memory(name: 'VmRSS' | 'VmHWM'): number {
    const status = readFileSync(`/proc/${service.running.child.pid}/status`, 'utf8');
    return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)![1]) * 1024;
  }

  it('of 64 MB are never whole in memory, neither as a body nor as a form', async () => {
    const chunk = randomBytes(MEGABYTE);
    const hash = createHash('sha256');
    for (let sent = 0; sent < LARGEST; sent += chunk.length) hash.update(chunk);
    const sha256 = hash.digest('hex');
    const head = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n';
    const bodies = [
      { type: 'application/octet-stream', head: '', end: '' },
      { type: 'multipart/form-data; boundary=b', head, end: '\r\n--b--\r\n' },
    ];
    // The first upload loads code.
    await store(chunk);
    const idle = memory('VmRSS');
    writeFileSync(`/proc/${service.running.child.pid}/clear_refs`, '5');
    for (const { type, head, end } of bodies) {
      const sent = begin({ 'content-type': type });
      const answered = once(sent, 'response') as Promise<[IncomingMessage]>;
      if (head) sent.write(head);
      for (let count = 0; count < LARGEST; count += chunk.length) await write(sent, chunk);
      sent.end(end);
      const [response] = await answered;
      let text = '';
      for await (const piece of response) text += piece;
      expect(response.statusCode, text).to.equal(201);
      expect(JSON.parse(text)).to.include({ size: LARGEST, sha256 });
    }
    const growth = memory('VmHWM') - idle;
    reportFigures('files', '64 MB uploaded as a body and as a form', {
      idle: `${Math.round(idle / MEGABYTE)} MB`,
      growth: `${Math.round(growth / MEGABYTE)} MB`,
    });
    expect(growth).to.be.below(GROWTH);
  });

  it('of 20 documents of 64 MB each that are fetched and wait to be sent take no memory', async () => {
    // The text is under way all the time; a document would be read by the sandbox then.
    await service.delaySends(AGENT, 600_000);
    await service.accept(AGENT, CUSTOMER, 'under way');
    const idle = memory('VmRSS');
    writeFileSync(`/proc/${service.running.child.pid}/clear_refs`, '5');
    for (let round = 0; round < DOCUMENTS / 4; round += 1) {
      const document = { link: `${links.url}/large.bin` };
      const answers = await Promise.all(
        Array.from({ length: 4 }, () => service.accept(AGENT, CUSTOMER, { type: 'document', document })),
      );
      for (const { status, body } of answers) expect([status, body.size]).to.deep.equal([202, LARGEST]);
    }
    const growth = memory('VmHWM') - idle;
    reportFigures('files', `${DOCUMENTS} documents of 64 MB fetched and queued`, {
      idle: `${Math.round(idle / MEGABYTE)} MB`,
      growth: `${Math.round(growth / MEGABYTE)} MB`,
    });
    expect(growth).to.be.below(QUEUED_GROWTH);
    // A stop would wait for the text.
    await service.running.end('SIGKILL');
  });
});
