/** The connection of a feed; `closed` when there is nothing to follow. */
export type FeedState = 'connecting' | 'live' | 'reconnecting' | 'closed';

/** The source of a feed. */
export interface FeedSource {
  /** Reads the current state; returns the address of the stream of what follows, or null without one. */
  load(): Promise<string | null>;
  /** Handlers by event name; they receive the parsed data. */
  events: Record<string, (data: never) => void>;
  onState(state: FeedState): void;
}

const RETRY_MS = 1_000;

/**
 * Follows the service: reads the current state, then subscribes to its changes. A reconnect repeats both, so nothing
 * is missed, even over a restart of the service. Disconnected while the page is hidden: browsers allow few connections
 * per host.
 */
export class Feed {
  readonly #source: FeedSource;
  #stream: EventSource | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** Increases with each attempt; results of older ones are ignored. */
  #attempt = 0;
  #isClosed = false;
  readonly #onVisibility = () => (document.hidden ? this.#drop() : this.#open());

  constructor(source: FeedSource) {
    this.#source = source;
    document.addEventListener('visibilitychange', this.#onVisibility);
    source.onState('connecting');
    this.#open();
  }

  /** Closes the feed permanently. */
  close(): void {
    this.#isClosed = true;
    document.removeEventListener('visibilitychange', this.#onVisibility);
    this.#drop();
  }

  /** Starts a new attempt. */
  #open(): void {
    this.#drop();
    void this.#connect(this.#attempt);
  }

  /** Closes the stream and cancels the retry. */
  #drop(): void {
    this.#attempt += 1;
    clearTimeout(this.#retry);
    this.#stream?.close();
    this.#stream = null;
  }

  /** Reads the state, then subscribes. */
  async #connect(attempt: number): Promise<void> {
    try {
      const url = await this.#source.load();
      if (attempt !== this.#attempt) return;
      if (url === null) this.#end();
      else this.#listen(url);
    } catch {
      if (attempt === this.#attempt) this.#fail();
    }
  }

  /** Subscribes to the stream. */
  #listen(url: string): void {
    const stream = new EventSource(url);
    this.#stream = stream;
    for (const [name, handle] of Object.entries(this.#source.events)) {
      stream.addEventListener(name, (event) => handle(JSON.parse(event.data) as never));
    }
    stream.addEventListener('open', () => this.#source.onState('live'));
    stream.addEventListener('error', () => this.#fail());
  }

  /** Disconnects and retries after a second. */
  #fail(): void {
    this.#drop();
    this.#source.onState('reconnecting');
    this.#retry = setTimeout(() => this.#open(), RETRY_MS);
  }

  /** Closes the feed because there is nothing to follow. */
  #end(): void {
    if (this.#isClosed) return;
    this.close();
    this.#source.onState('closed');
  }
}
