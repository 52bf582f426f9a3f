import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { callApi } from '../support/api.ts';
import { whenChromium } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { reportFigures } from '../support/fault-runs.ts';
import { BEARER, BOT, CUSTOMER, CUSTOMER_CHAT } from '../support/fixtures.ts';
import { withDatabase } from '../support/postgres.ts';
import { childrenOf } from '../support/processes.ts';
import { startWwebjsService, type WwebjsService } from '../support/wwebjs-service.ts';

const MEGABYTE = 1024 * 1024;
const LARGEST = 64 * MEGABYTE;
const QUEUED = 20;
/** As many of them as are waited for. */
const SENT = 4;

/** A figure of a process's memory in MB. */
function memory(pid: number, name: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)![1]) / 1024);
}

/** The memory of all descendants of a process in MB: its browser. */
function memoryBelow(pid: number): number {
  return childrenOf(pid).reduce((sum, child) => sum + memory(child, 'VmRSS') + memoryBelow(child), 0);
}

if (process.platform === 'linux')
  whenChromium('documents of 64 MB, sent by whatsapp-web.js in Chromium', (executablePath) => {
    const database = withDatabase();
    let service: WwebjsService;

    before(async function () {
      this.timeout(120_000);
      service = await startWwebjsService(executablePath, database().url);
      await service.link('bot', BOT);
    });
    after(() => service?.close());

    /** Uploads random bytes; gives the file's id. */
    async function upload(bytes: number): Promise<string> {
      const body = randomBytes(bytes);
      const headers = { ...BEARER, 'content-type': 'application/octet-stream' };
      const answer = await fetch(`${service.url}/agents/bot/files`, { method: 'POST', headers, body });
      return ((await answer.json()) as { id: string }).id;
    }

    /** Sends an uploaded file as a document. */
    const send = (id: string, headers = {}) =>
      callApi(
        service.url,
        'POST',
        '/agents/bot/messages',
        { to: CUSTOMER, type: 'document', document: { id, filename: 'film.bin' } },
        { ...BEARER, ...headers },
      );

    /** How many documents have arrived. */
    const arrived = () =>
      service.world.network.messages(CUSTOMER_CHAT).filter(({ type }) => type === 'document').length;

    it('do not come into the memory of the service, neither one nor twenty in the queue', async function () {
      this.timeout(300_000);
      const { pid } = service;
      // The first one loads code.
      expect((await send(await upload(MEGABYTE))).status).to.equal(200);
      const id = await upload(LARGEST);
      const idle = memory(pid, 'VmRSS');
      const idleBrowser = memoryBelow(pid);
      writeFileSync(`/proc/${pid}/clear_refs`, '5');
      let browser = 0;
      const watch = setInterval(() => {
        browser = Math.max(browser, memoryBelow(pid));
      }, 50);
      const { status } = await send(id);
      clearInterval(watch);
      expect(status).to.equal(200);
      const one = memory(pid, 'VmHWM') - idle;
      for (let message = 0; message < QUEUED; message += 1)
        expect((await send(id, { prefer: 'respond-async' })).status).to.equal(202);
      await eventually('some of the queued documents to arrive', () => arrived() === 2 + SENT, 100_000);
      const twenty = memory(pid, 'VmHWM') - idle;
      reportFigures('files', `a document of 64 MB sent, then ${QUEUED} queued`, {
        'node idle': `${idle} MB`,
        'growth with one': `${one} MB`,
        'growth with twenty': `${twenty} MB`,
        'browser idle': `${idleBrowser} MB`,
        'browser at most': `${browser} MB`,
      });
      expect(one).to.be.at.most(100);
      expect(twenty).to.be.at.most(150);
    });
  });
