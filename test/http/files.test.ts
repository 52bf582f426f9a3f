import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect } from 'chai';
import sinon from 'sinon';
import { MAX_FILE_BYTES } from '../../src/http/middleware/file-body.ts';
import { eventually } from '../support/eventually.ts';
import { expectProblem, Harness, type Reply } from '../support/http-harness.ts';

const BOUNDARY = 'between-the-parts';
const FORM = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` };
const CSV = 'nama,harga\nkopi,15000\n';

/** A part of a form; the head is as it goes over the wire. */
const part = (disposition: string, content: string, type?: string) =>
  `--${BOUNDARY}\r\nContent-Disposition: form-data; ${disposition}\r\n` +
  `${type ? `Content-Type: ${type}\r\n` : ''}\r\n${content}\r\n`;
const END = `--${BOUNDARY}--\r\n`;
const aFile = part('name="file"; filename="harga.csv"', CSV, 'text/csv');

describe('the files of an agent', () => {
  let http: Harness;
  beforeEach(async () => {
    http = await new Harness().start();
  });
  afterEach(async () => {
    sinon.restore();
    await http.stop();
  });

  /** Uploads a body as it is. */
  const upload = (body: string | Buffer, headers: Record<string, string> = {}) =>
    http.ask('/agents/bot/files', { method: 'POST', key: 'secret-key', body, headers });

  /** Uploads a file in a form, and gives its id and link. */
  async function stored(body = aFile + END): Promise<{ id: string; link: string }> {
    const { status, body: answer } = await upload(body, FORM);
    expect(status).to.equal(201);
    const { pathname, search } = new URL(String(answer.url));
    return { id: String(answer.id), link: pathname + search };
  }

  /** Asserts that an upload was refused so, and that nothing of it is kept. */
  function expectRefused(reply: Reply, status: number, code: string, path?: string): void {
    expect(reply.status).to.equal(status);
    expectProblem(reply, code);
    if (path !== undefined) expect(reply.body.error.details).to.have.nested.property('[0].path', path);
    expect(http.files.rows.size).to.equal(0);
  }

  describe('an upload', () => {
    it('is the field `file` of a form', async () => {
      const reply = await upload(aFile + END, FORM);
      expect(reply.status).to.equal(201);
      const { id, ...rest } = reply.body as Record<string, unknown>;
      expect(reply.headers.get('location')).to.equal(`/agents/bot/files/${id}`);
      const [row] = http.files.rows.values();
      expect(row).to.include({ userId: 7, agentId: 'bot', filename: 'harga.csv' });
      expect(rest).to.deep.equal({
        mimetype: 'text/csv',
        size: CSV.length,
        sha256: createHash('sha256').update(CSV).digest('hex'),
        expiresAt: row!.expiresAt.toISOString(),
        url: rest.url,
      });
      expect(rest.url).to.match(
        new RegExp(`^https://gateway\\.example/files/${id}\\?expires=\\d+&signature=[\\w-]{43}$`),
      );
    });

    it('is the whole body, with its media type', async () => {
      const bytes = randomBytes(300_000);
      const reply = await upload(bytes, { 'content-type': 'application/pdf' });
      expect(reply.status).to.equal(201);
      expect(reply.body).to.include({
        size: bytes.length,
        sha256: createHash('sha256').update(bytes).digest('hex'),
      });
      expect([...http.files.rows.values()][0]).to.include({ mimetype: 'application/pdf' });
    });

    it('may be JSON, which is not read as a request', async () => {
      const reply = await upload('{"broken', { 'content-type': 'application/json' });
      expect(reply.status).to.equal(201);
      expect(reply.body).to.include({ mimetype: 'application/json', size: 8 });
    });

    it('has a name in UTF-8', async () => {
      await stored(part('name="file"; filename="Größe – 価格.csv"', CSV) + END);
      expect([...http.files.rows.values()][0]).to.include({ filename: 'Größe – 価格.csv' });
    });

    it('is refused without a key, before its body is read', async () => {
      const reply = await http.ask('/agents/bot/files', { method: 'POST', body: aFile + END, headers: FORM });
      expectRefused(reply, 401, 'UNAUTHORIZED');
    });

    it('is refused while the service is stopping', async () => {
      http.stopping.abort();
      expectRefused(await upload(aFile + END, FORM), 503, 'SHUTTING_DOWN');
    });
  });

  describe('what is not an upload', () => {
    const cases: [string, string, string | undefined, Record<string, string>?][] = [
      ['a form without parts', END, 'file'],
      ['a form with another field of a file', part('name="photo"; filename="a.png"', 'x') + END, 'photo'],
      ['a form with a text in the field', part('name="file"', 'harga.csv') + END, 'file'],
      ['a form with a further field', aFile + part('name="type"', 'text/csv') + END, 'type'],
      ['a form with two files', aFile + aFile + END, 'file'],
      ['a form with two files, the second empty', aFile + part('name="file"; filename=""', '') + END, 'file'],
      ['an empty file', part('name="file"; filename="a.csv"', '') + END, 'file'],
      ['a form that is cut off in its file', aFile, ''],
      ['a form that is cut off in a head', `--${BOUNDARY}\r\nContent-Dispo`, undefined],
      ['a form of other bytes', 'not a form at all', undefined],
      [
        'a form with another boundary',
        aFile + END,
        undefined,
        { 'content-type': 'multipart/form-data; boundary=x' },
      ],
      ['a form without a boundary', aFile + END, '', { 'content-type': 'multipart/form-data' }],
      [
        'a form with an endless boundary',
        END,
        '',
        { 'content-type': `multipart/form-data; boundary=${'x'.repeat(4_000)}` },
      ],
      ['an empty body', '', 'file', { 'content-type': 'text/csv' }],
    ];
    for (const [name, body, path, headers = FORM] of cases) {
      it(`is ${name}: 400`, async () => {
        expectRefused(await upload(body, headers), 400, 'INVALID_PAYLOAD', path);
      });
    }

    it('is another multipart body, or a compressed one: 415', async () => {
      const types: Record<string, string>[] = [
        { 'content-type': `multipart/mixed; boundary=${BOUNDARY}` },
        { 'content-type': 'text/csv', 'content-encoding': 'gzip' },
        { ...FORM, 'content-encoding': 'br' },
      ];
      for (const headers of types)
        expectRefused(await upload(aFile + END, headers), 415, 'UNSUPPORTED_MEDIA_TYPE');
    });

    it('has more than 64 MB by its declared length: 413 before a byte of it', async () => {
      const answer = await http.raw(
        `POST /agents/bot/files HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer secret-key\r\n` +
          `Content-Type: text/csv\r\nContent-Length: ${MAX_FILE_BYTES + 1}\r\n\r\n`,
        (text) => text.endsWith('}}'),
      );
      expect(answer).to.match(/^HTTP\/1\.1 413 [\s\S]*"PAYLOAD_TOO_LARGE"/);
      expect(http.files.rows.size).to.equal(0);
    });
  });

  /** Begins an upload of the agent. */
  function begin(head: string, start = ''): Socket {
    const socket = connect(http.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(
      `POST /agents/bot/files HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer secret-key\r\n${head}\r\n\r\n${start}`,
    );
    return socket;
  }

  /** The first answer on a connection. */
  async function answerOn(socket: Socket): Promise<string> {
    const [bytes] = await once(socket, 'data');
    return String(bytes);
  }

  it('are refused while they arrive once they are over 64 MB, whatever length was declared', async function () {
    this.timeout(120_000);
    const chunk = Buffer.alloc(1024 * 1024);
    for (const [type, start] of [
      ['text/csv', ''],
      [
        FORM['content-type'],
        `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n`,
      ],
    ]) {
      const socket = begin(`Content-Type: ${type}\r\nTransfer-Encoding: chunked`);
      let answer = '';
      socket.on('data', (bytes) => {
        answer += bytes;
      });
      if (start) socket.write(`${start.length.toString(16)}\r\n${start}\r\n`);
      for (let sent = 0; sent < 80 && answer === ''; sent += 1) {
        socket.write(`${chunk.length.toString(16)}\r\n`);
        socket.write(chunk);
        await new Promise<void>((resolve) => socket.write('\r\n', () => resolve()));
      }
      await eventually('the answer', () => answer !== '');
      expect(answer).to.match(/^HTTP\/1\.1 413 [\s\S]*"PAYLOAD_TOO_LARGE"/);
      socket.destroy();
    }
    expect(http.files.rows.size).to.equal(0);
  });

  it('are asked for only once they may come (Expect: 100-continue)', async () => {
    const refused = begin(
      'Content-Type: text/csv\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\nExpect: 100-continue',
    );
    expect(await answerOn(refused)).to.match(/^HTTP\/1\.1 415 /);
    refused.destroy();
    const socket = begin('Content-Type: text/csv\r\nContent-Length: 5\r\nExpect: 100-continue');
    expect(await answerOn(socket)).to.match(/^HTTP\/1\.1 100 /);
    socket.write('a,b,c');
    expect(await answerOn(socket)).to.match(/^HTTP\/1\.1 201 /);
    socket.destroy();
  });

  it('end when their bytes stay away: 400, the connection is closed, and nothing stays', async () => {
    const clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const request = once(http.server, 'request');
    const socket = begin('Content-Type: text/csv\r\nContent-Length: 1000', 'a');
    await request;
    clock.tick(29_000);
    socket.write('b'.repeat(500));
    const [req] = await request;
    await once(req, 'data');
    clock.tick(1_500);
    expect(socket.readable && socket.bytesRead).to.equal(0);
    const answer = answerOn(socket);
    clock.tick(31_000);
    expect(await answer).to.match(/^HTTP\/1\.1 400 [\s\S]*took too long/);
    if (!socket.readableEnded) await once(socket, 'close');
    expect(http.files.rows.size).to.equal(0);
  });

  it('leave nothing when their sender goes away', async () => {
    // More than may run at once: each has to free its slot.
    for (const [head, start] of [
      ['Content-Type: text/csv\r\nContent-Length: 1000', 'a'],
      ['Content-Type: text/csv\r\nContent-Length: 1000', ''],
      [`Content-Type: ${FORM['content-type']}\r\nContent-Length: 1000`, aFile],
      [`Content-Type: ${FORM['content-type']}\r\nContent-Length: 1000`, ''],
    ] as const) {
      const before = http.observed.length;
      const request = once(http.server, 'request');
      const socket = begin(head, start);
      await request;
      socket.destroy();
      await eventually('its end', () => http.observed.length > before);
    }
    await stored();
    expect(http.files.rows.size).to.equal(1);
    expect(http.log.filter(({ event }) => event === 'http.bug')).to.deep.equal([]);
  });

  it('are taken four at a time from one agent; others are not kept out', async () => {
    http.system.add('other', 'other-key');
    const sockets = [1, 2, 3, 4].map(() => begin('Content-Type: text/csv\r\nContent-Length: 5', 'a'));
    for (const _ of sockets) await once(http.server, 'request');
    const refused = await upload(aFile + END, FORM);
    expectRefused(refused, 429, 'RATE_LIMITED');
    expect(refused.headers.get('retry-after')).to.equal('1');
    const other = { method: 'POST', key: 'other-key', body: aFile + END, headers: FORM };
    expect((await http.ask('/agents/other/files', other)).status).to.equal(201);
    sockets[0]!.write(',b,c');
    expect(await answerOn(sockets[0]!)).to.match(/ 201 /);
    await stored();
    for (const socket of sockets) socket.destroy();
  });

  describe('a download', () => {
    it('gives the bytes as an attachment that no browser shows or runs', async () => {
      const { id, link } = await stored();
      for (const ask of [
        () => http.ask(`/agents/bot/files/${id}`, { key: 'secret-key' }),
        () => http.ask(link),
      ]) {
        const { status, text, headers } = await ask();
        expect(status).to.equal(200);
        expect(text).to.equal(CSV);
        expect(Object.fromEntries(headers)).to.include({
          'content-type': 'text/csv',
          'content-length': String(CSV.length),
          'content-disposition': 'attachment; filename=harga.csv',
          'x-content-type-options': 'nosniff',
          'cache-control': 'private, no-cache',
          'accept-ranges': 'bytes',
          etag: `"${createHash('sha256').update(CSV).digest('hex')}"`,
        });
      }
    });

    it('has a name that quotes and other scripts can be part of (RFC 6266)', async () => {
      const { id } = await stored(part('name="file"; filename="a\\"; x=\\"価格.csv"', CSV) + END);
      const { headers } = await http.ask(`/agents/bot/files/${id}`, { key: 'secret-key' });
      expect(headers.get('content-disposition')).to.equal(
        `attachment; filename="a\\"; x=\\"??.csv"; filename*=UTF-8''a%22%3B%20x%3D%22%E4%BE%A1%E6%A0%BC.csv`,
      );
    });

    it('has no header of the name: line breaks end in the form', async () => {
      for (const name of ['a\r\nSet-Cookie: x=1', 'a\nSet-Cookie: x=1', 'a%0d%0aSet-Cookie: x=1', 'a\0b']) {
        const reply = await upload(part(`name="file"; filename="${name}"`, CSV) + END, FORM);
        if (reply.status === 400) continue;
        const { headers } = await http.ask(`/agents/bot/files/${reply.body.id}`, { key: 'secret-key' });
        expect(headers.get('set-cookie')).to.equal(null);
      }
    });

    it('has no body for HEAD, and none when the client has the file already', async () => {
      const { link } = await stored();
      const { status, text, headers } = await http.ask(link, { method: 'HEAD' });
      expect([status, text, headers.get('content-length')]).to.deep.equal([200, '', String(CSV.length)]);
      const again = await http.raw(
        `GET ${link} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nIf-None-Match: ${headers.get('etag')}\r\n\r\n`,
      );
      expect(again).to.match(/^HTTP\/1\.1 304 [\s\S]*\r\n\r\n$/);
    });

    it('gives a range: 206; one that the file does not have is 416 with its size', async () => {
      const { link } = await stored();
      const some = await http.ask(link, { headers: { range: 'bytes=5-9' } });
      expect([some.status, some.text]).to.deep.equal([206, CSV.slice(5, 10)]);
      expect(some.headers.get('content-range')).to.equal(`bytes 5-9/${CSV.length}`);
      const last = await http.ask(link, { headers: { range: 'bytes=-6' } });
      expect([last.status, last.text]).to.deep.equal([206, CSV.slice(-6)]);
      const other = await http.ask(link, { headers: { range: 'bytes=5-9', 'if-range': '"other"' } });
      expect([other.status, other.text]).to.deep.equal([200, CSV]);
      const none = await http.ask(link, { headers: { range: 'bytes=1000-' } });
      expect(none.status).to.equal(416);
      expectProblem(none, 'RANGE_NOT_SATISFIABLE');
      expect(none.headers.get('content-range')).to.equal(`bytes */${CSV.length}`);
      expect(none.headers.get('content-disposition')).to.equal(null);
    });

    it('is 404 for a file of another agent, a deleted one, and what is no id', async () => {
      http.system.add('other', 'other-key');
      const { id, link } = await stored();
      const other = await http.ask(`/agents/other/files/${id}`, { key: 'other-key' });
      expect(other.status).to.equal(404);
      expectProblem(other, 'NOT_FOUND');
      const remove = () => http.ask(`/agents/bot/files/${id}`, { method: 'DELETE', key: 'secret-key' });
      const foreign = await http.ask(`/agents/other/files/${id}`, { method: 'DELETE', key: 'other-key' });
      expect(foreign.status).to.equal(404);
      const deleted = await remove();
      expect([deleted.status, deleted.text]).to.deep.equal([204, '']);
      expect((await remove()).status).to.equal(404);
      for (const path of [id, '..%2f..%2fetc%2fpasswd', 'x'])
        expectProblem(await http.ask(`/agents/bot/files/${path}`, { key: 'secret-key' }), 'NOT_FOUND');
      expectProblem(await http.ask(link), 'NOT_FOUND');
    });

    it('is 404 when its bytes are gone', async () => {
      const { link } = await stored();
      http.files.dispose();
      expectProblem(await http.ask(link), 'NOT_FOUND');
      expect(http.log.filter(({ event }) => event === 'http.bug')).to.deep.equal([]);
    });
  });

  describe('a link', () => {
    it('opens its own file alone, as it was made: anything else is 403', async () => {
      const { id, link } = await stored();
      const other = await stored();
      const [, expires, signature] = /expires=(\d+)&signature=(.*)$/.exec(link)!;
      const last = signature!.at(-1) === 'A' ? 'B' : 'A';
      for (const path of [
        `/files/${id}`,
        `/files/${id}?expires=${expires}`,
        `/files/${id}?signature=${signature}`,
        `/files/${id}?expires=${expires}&signature=`,
        `/files/${id}?expires=${Number(expires) + 1}&signature=${signature}`,
        `/files/${id}?expires=${expires}.0&signature=${signature}`,
        `/files/${id}?expires=&signature=${signature}`,
        `/files/${id}?expires=${expires}&signature=${signature}=`,
        `/files/${id}?expires=${expires}&signature=${signature!.slice(0, -1)}`,
        `/files/${id}?expires=${expires}&signature=${signature!.slice(0, -1)}${last}`,
        `/files/${id}?expires=${expires}&expires=${expires}&signature=${signature}`,
        `/files/${id.toUpperCase()}?expires=${expires}&signature=${signature}`,
        `/files/${other.id}?expires=${expires}&signature=${signature}`,
        `/files/x?expires=${expires}&signature=${signature}`,
      ]) {
        const reply = await http.ask(path);
        expect(reply.status, path).to.equal(403);
        expectProblem(reply, 'LINK_INVALID');
      }
      expect((await http.ask(link)).status).to.equal(200);
    });

    it('expires', async () => {
      const { link } = await stored();
      const [, expires] = /expires=(\d+)/.exec(link)!;
      sinon.useFakeTimers({ toFake: ['Date'], now: Number(expires) * 1_000 });
      const reply = await http.ask(link);
      expect(reply.status).to.equal(403);
      expectProblem(reply, 'LINK_INVALID');
    });

    it('leads to no list', async () => {
      expect((await http.ask('/files')).status).to.equal(404);
      expect((await http.ask('/files/')).status).to.equal(404);
    });
  });
});
