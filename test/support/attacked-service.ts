import { createHash } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createLogger } from '../../src/infra/logging/logger.ts';
import { EventStream } from './event-stream.ts';
import { Canary, EvilWeb } from './evil-web.ts';
import { FakeResolver } from './fake-resolver.ts';
import { BOT, CUSTOMER, OTHER_BOT, UNLIMITED } from './fixtures.ts';
import type { Ask, Reply } from './http-harness.ts';
import { linkAgent } from './link-agent.ts';
import type { TestDatabase } from './postgres.ts';
import { askRaw } from './raw-http.ts';
import { type Service, startService } from './service.ts';

/** Kind and content of every file below a folder; links are not followed. */
async function filesBelow(dir: string, except: readonly string[] = []): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of (await readdir(dir)).sort()) {
    const path = join(dir, name);
    if (except.includes(name)) continue;
    const entry = await lstat(path);
    if (entry.isDirectory()) {
      found[path] = 'folder';
      Object.assign(found, await filesBelow(path));
    } else if (entry.isSymbolicLink()) found[path] = `link to ${await readlink(path)}`;
    else
      found[path] = createHash('sha256')
        .update(await readFile(path))
        .digest('hex');
  }
  return found;
}

/**
 * The whole service in this process on the simulated network, with targets around it (a server on loopback, files
 * beside its folders) and a record of everything it sends.
 */
export class AttackedService {
  readonly canary = new Canary();
  readonly web = new EvilWeb();
  /** Resolves the attacker's own names. */
  readonly names = new FakeResolver();
  readonly logLines: string[] = [];
  /** Every answer to the attacks. */
  readonly answers: string[] = [];
  readonly streams: EventStream[] = [];
  service!: Service;
  #outside: Record<string, string> = {};

  /** Starts it with two connected agents, `bot` and `other`, of two owners, and opens every event stream. */
  async open(database: TestDatabase, keys: { bot: string; other: string }): Promise<this> {
    await Promise.all([this.canary.open(), this.web.open()]);
    const write = (line: string) => void this.logLines.push(line);
    this.service = await startService(database, {
      logger: createLogger('trace', { write }),
      lookup: this.names.lookup,
      env: {
        MEDIA_ALLOWED_ORIGINS: this.web.url,
        ...UNLIMITED,
        AI_TIMEOUT_MS: '1000',
      },
    });
    this.service.network.account(CUSTOMER);
    await linkAgent(this.service, 'bot', BOT, { userId: 7, apikey: keys.bot });
    await linkAgent(this.service, 'other', OTHER_BOT, { userId: 8, apikey: keys.other });
    for (const path of ['/sessions/bot/events', '/inspector/api/events', '/inspector/api/events?agentId=bot'])
      this.streams.push(await EventStream.open(this.url + path));
    await this.#plantVictims();
    return this;
  }

  get url(): string {
    return this.service.app.url;
  }

  /** Sends a request and records its answer. */
  async ask(path: string, ask: Ask = {}): Promise<Reply> {
    const reply = await askRaw(this.url, path, ask);
    this.answers.push(`${JSON.stringify([...reply.headers])}\n${reply.text}`);
    return reply;
  }

  /** The changes outside the service's own folders since its start. */
  async outside(): Promise<{ now: Record<string, string>; before: Record<string, string> }> {
    return { now: await this.#look(), before: this.#outside };
  }

  async close(): Promise<void> {
    for (const stream of this.streams) stream.close();
    await this.service.close();
    await Promise.all([this.canary.close(), this.web.close()]);
  }

  /** Files and a link beside the service's folders. */
  async #plantVictims(): Promise<void> {
    const { dir } = this.service;
    for (const folder of ['victim', 'session', 'bot', 'etc']) {
      await mkdir(join(dir, folder, 'session'), { recursive: true });
      await writeFile(join(dir, folder, 'session', 'cookies'), 'of another agent');
    }
    await writeFile(join(dir, 'passwd'), 'root');
    await symlink(join(dir, 'victim'), join(dir, 'link'));
    this.#outside = await this.#look();
  }

  #look(): Promise<Record<string, string>> {
    return filesBelow(this.service.dir, ['data', 'temp', 'auth']);
  }
}
