import type { News } from '../../src/sandbox/control-api/news.ts';

const STREAM = '/sandbox/stream';
/** EventSource stops retrying after a response that is not a stream; the page then retries itself. */
const RETRY_MS = 1_000;

/** Retries; reloads the page if the login has expired, so that the form is shown. */
async function retry(follow: () => void): Promise<void> {
  const answer = await fetch('/sandbox/clock').catch(() => null);
  if (answer?.status === 401) location.reload();
  else setTimeout(follow, RETRY_MS);
}

/** Follows the sandbox's stream while the page is open, and reports whether it is connected. */
export function follow(onNews: (news: News) => void, onConnection: (isLive: boolean) => void): void {
  const source = new EventSource(STREAM);
  source.addEventListener('news', (event) => {
    onConnection(true);
    onNews(JSON.parse(event.data) as News);
  });
  source.addEventListener('error', () => {
    onConnection(false);
    if (source.readyState === EventSource.CLOSED) void retry(() => follow(onNews, onConnection));
  });
}
