import { createHash, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentRef } from '../../src/actors/domain/identity.ts';
import type { FileClaim, FileStore, StoredFile } from '../../src/actors/domain/ports/files.ts';

/** A file store without a database: rows in a Map, bytes in a folder that is there from the first file on. */
export class MemoryFiles implements FileStore {
  readonly rows = new Map<string, StoredFile & AgentRef>();
  #dir: string | undefined;

  async add(agent: AgentRef, bytes: AsyncIterable<Uint8Array>, claim: FileClaim = {}): Promise<StoredFile> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of bytes) chunks.push(chunk);
    const whole = Buffer.concat(chunks);
    this.#dir ??= mkdtempSync(join(tmpdir(), 'memory-files-'));
    const id = randomUUID();
    const path = join(this.#dir, id);
    await writeFile(path, whole);
    const file = {
      id,
      path,
      mimetype: claim.mimetype ?? 'application/octet-stream',
      size: whole.length,
      sha256: createHash('sha256').update(whole).digest('hex'),
      ...(claim.filename && { filename: claim.filename }),
      createdAt: new Date(),
      expiresAt: new Date(Date.now() + 3_600_000),
    };
    this.rows.set(id, { ...agent, ...file });
    return file;
  }

  async find({ userId, agentId }: AgentRef, id: string): Promise<StoredFile | null> {
    const row = this.rows.get(id);
    return row && row.userId === userId && row.agentId === agentId ? row : null;
  }

  take(agent: AgentRef, id: string): Promise<StoredFile | null> {
    return this.find(agent, id);
  }

  async findLinked(id: string): Promise<StoredFile | null> {
    return this.rows.get(id) ?? null;
  }

  async remove(agent: AgentRef, id: string): Promise<boolean> {
    return (await this.find(agent, id)) !== null && this.rows.delete(id);
  }

  /** Deletes the folder. */
  dispose(): void {
    if (this.#dir) rmSync(this.#dir, { recursive: true, force: true });
  }
}
