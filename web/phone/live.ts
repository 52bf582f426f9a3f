import type { News } from '../../src/sandbox/network/stream.ts';

const STREAM = '/sandbox/stream';
/** A browser gives up for good when it gets another answer than a stream; then we try. */
const AGAIN_MS = 1_000;

/** Tries again; where the login has ended meanwhile, the page leads to the form when it is loaded anew. */
async function again(follow: () => void): Promise<void> {
  const answer = await fetch('/sandbox/clock').catch(() => null);
  if (answer?.status === 401) location.reload();
  else setTimeout(follow, AGAIN_MS);
}

/** Follows the sandbox's stream as long as the page is open; `onConnection` hears whether it is there. */
export function follow(onNews: (news: News) => void, onConnection: (isLive: boolean) => void): void {
  const source = new EventSource(STREAM);
  source.addEventListener('news', (event) => {
    onConnection(true);
    onNews(JSON.parse(event.data) as News);
  });
  source.addEventListener('error', () => {
    onConnection(false);
    if (source.readyState === EventSource.CLOSED) void again(() => follow(onNews, onConnection));
  });
}
