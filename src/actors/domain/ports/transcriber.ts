import type { StoredFile } from './files.ts';

/** A recording whose file is in the store. */
export interface Recording {
  file: Pick<StoredFile, 'path' | 'size' | 'mimetype'>;
  /** As WhatsApp states it; undefined when unknown. */
  seconds?: number;
}

/** What became of a recording. */
export type Transcription =
  | { status: 'completed'; text: string; language?: string }
  /** It is above a limit of the service, and was not sent there. */
  | { status: 'skipped'; reason: 'too_large' | 'too_long' }
  | {
      status: 'failed';
      /** `no_file`: the recording can't be read; `blocked`: the service is at a forbidden address. */
      reason: 'no_file' | 'blocked' | 'unreachable' | 'timeout' | 'refused' | 'invalid_answer';
      /** Of a service that refused. */
      httpStatus?: number;
    };

/** The service that turns voice into text. */
export interface Transcriber {
  /** Every outcome is a value. @throws the signal's reason when it is aborted, and nothing else */
  transcribe(recording: Recording, signal: AbortSignal): Promise<Transcription>;
}
