import type { AgentRef } from '../identity.ts';
import type { MediaContent, MediaDraft, MediaFile } from '../message-content.ts';

// Files that pass through: uploads, media of messages in and out. `infra/files` implements it.

/** What the sender says of a file; the bytes decide the type. */
export interface FileClaim {
  mimetype?: string | undefined;
  filename?: string | undefined;
}

/** An upload is kept until it expires, a message's own file until the message has its outcome. */
export type FilePurpose = 'upload' | 'message';

/** A file of the store. It is kept until `expiresAt`, and for as long as a queued message needs it. */
export interface StoredFile {
  /** A UUID. */
  id: string;
  /** Detected from the bytes; the claimed type only where none can be detected. */
  mimetype: string;
  /** In bytes. */
  size: number;
  /** In hex. */
  sha256: string;
  /** A name without a path and without control characters. */
  filename?: string;
  createdAt: Date;
  expiresAt: Date;
  /** Absolute path of the bytes on this machine, to be read only. */
  path: string;
}

/** The one store of files. All methods reject with `DATABASE_UNAVAILABLE` when Postgres can't be reached. */
export interface FileStore {
  /**
   * Stores bytes as they arrive, never whole in memory; resolves once file and row are on disk. A call that rejects
   * leaves nothing behind, also when `bytes` throws. Errors: `SESSION_NOT_FOUND`, `PAYLOAD_TOO_LARGE` (more than
   * the whole store holds), `RATE_LIMITED` (files of queued messages fill it), and whatever `bytes` throws.
   */
  add(
    agent: AgentRef,
    bytes: AsyncIterable<Uint8Array>,
    claim?: FileClaim,
    purpose?: FilePurpose,
  ): Promise<StoredFile>;
  /** As `find`, for a message that is about to be stored: the file stays for five minutes, whatever is deleted. */
  take(agent: AgentRef, id: string): Promise<StoredFile | null>;
  /** The agent's file; null when it is missing, expired or another agent's. */
  find(agent: AgentRef, id: string): Promise<StoredFile | null>;
  /** Any agent's file, for the holder of a signed link alone; null when it is missing or expired. */
  findLinked(id: string): Promise<StoredFile | null>;
  /**
   * Deletes the agent's file; false when `find` gives none. The bytes of one that a queued message needs are kept
   * until the message has its outcome.
   */
  remove(agent: AgentRef, id: string): Promise<boolean>;
}

/** Signed links to files: a link downloads its file until it expires, without a key. */
export interface FileLinks {
  /** The link, on `APP_BASE_URL`; valid until the file expires. */
  url(file: Pick<StoredFile, 'id' | 'expiresAt'>): string;
  /** True for the id, expiry and signature of a link that has not expired. */
  isValid(link: { id: string; expires: string; signature: string }): boolean;
}

/**
 * Turns the files that callers and AIs give into files of the store, checked by their bytes. What is refused leaves no
 * file.
 */
export interface ContentIntake {
  /**
   * Stores the file of a content, or finds it, for the message that is about to be stored; a voice note is converted and
   * measured. Errors: `MEDIA_TOO_LARGE`, `UNSUPPORTED_MEDIA_TYPE`, `INVALID_PAYLOAD` (not base64), `NOT_FOUND` (no such
   * file), `MEDIA_URL_BLOCKED`, `MEDIA_FETCH_FAILED`, and those of `FileStore.add`.
   */
  open(agent: AgentRef, draft: MediaDraft): Promise<MediaContent>;
}

/** The files of messages. */
export interface MessageFiles {
  /**
   * Deletes a file that was stored for one message, which has its outcome; others stay. Never rejects: what can't be
   * deleted now is deleted when it expires.
   */
  release(agent: AgentRef, file: MediaFile): Promise<void>;
}
