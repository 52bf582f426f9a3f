/** How a feed stands: `over` when there is nothing more to be told. */
export type FeedState = 'connecting' | 'live' | 'reconnecting' | 'over';

/** What a feed is made of. */
export interface FeedSource {
  /** Reads everything as it is now; gives the address of what happens after it, or null when nothing will. */
  load(): Promise<string | null>;
  /** What to do with each kind of event, its data parsed. */
  events: Record<string, (data: never) => void>;
  onState(state: FeedState): void;
}

/** How long after a failure it is tried anew. */
const AGAIN_MS = 1_000;

/**
 * Keeps in step with the service: reads what is, then listens to what happens; when the connection breaks, both
 * again, so that nothing is missed, a restart of the service included. Silent while nobody sees the page: browsers
 * allow few connections per host.
 */
export class Feed {
  readonly #source: FeedSource;
  #stream: EventSource | null = null;
  #again: ReturnType<typeof setTimeout> | undefined;
  /** Grows with each attempt: what an older one still brings is of no interest. */
  #attempt = 0;
  #isClosed = false;
  readonly #onVisibility = () => (document.hidden ? this.#drop() : this.#open());

  constructor(source: FeedSource) {
    this.#source = source;
    document.addEventListener('visibilitychange', this.#onVisibility);
    source.onState('connecting');
    this.#open();
  }

  /** Ends it for good. */
  close(): void {
    this.#isClosed = true;
    document.removeEventListener('visibilitychange', this.#onVisibility);
    this.#drop();
  }

  /** Begins an attempt. */
  #open(): void {
    this.#drop();
    void this.#attemptNow(this.#attempt);
  }

  /** Lets go what there is. */
  #drop(): void {
    this.#attempt += 1;
    clearTimeout(this.#again);
    this.#stream?.close();
    this.#stream = null;
  }

  /** Reads, then listens. */
  async #attemptNow(attempt: number): Promise<void> {
    try {
      const url = await this.#source.load();
      if (attempt !== this.#attempt) return;
      if (url === null) this.#end();
      else this.#listen(url);
    } catch {
      if (attempt === this.#attempt) this.#fail();
    }
  }

  /** Hands on what the stream brings. */
  #listen(url: string): void {
    const stream = new EventSource(url);
    this.#stream = stream;
    for (const [name, hear] of Object.entries(this.#source.events)) {
      stream.addEventListener(name, (event) => hear(JSON.parse(event.data) as never));
    }
    stream.addEventListener('open', () => this.#source.onState('live'));
    stream.addEventListener('error', () => this.#fail());
  }

  /** Tries again soon. */
  #fail(): void {
    this.#drop();
    this.#source.onState('reconnecting');
    this.#again = setTimeout(() => this.#open(), AGAIN_MS);
  }

  /** There is nothing to listen to. */
  #end(): void {
    if (this.#isClosed) return;
    this.close();
    this.#source.onState('over');
  }
}
