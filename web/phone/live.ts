import type { News } from '../../src/infra/whatsapp/sandbox/stream.ts';

const STREAM = '/sandbox/stream';
/** A browser gives up for good after some failures; then we try. */
const AGAIN_MS = 1_000;

/** Follows the sandbox's stream as long as the page is open; `onConnection` hears whether it is there. */
export function follow(onNews: (news: News) => void, onConnection: (isLive: boolean) => void): void {
  const source = new EventSource(STREAM);
  source.addEventListener('news', (event) => {
    onConnection(true);
    onNews(JSON.parse(event.data) as News);
  });
  source.addEventListener('error', () => {
    onConnection(false);
    if (source.readyState !== EventSource.CLOSED) return;
    setTimeout(() => follow(onNews, onConnection), AGAIN_MS);
  });
}
