import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { expect } from 'chai';
import type { SinonFakeTimers } from 'sinon';

/** An open stream of Server-Sent Events: what came so far, and a wait for what shall come. */
export class EventStream {
  readonly response: IncomingMessage;
  text = '';

  private constructor(response: IncomingMessage) {
    this.response = response;
    response.setEncoding('utf8').on('data', (chunk) => {
      this.text += chunk;
    });
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<EventStream> {
    const request = get(url, { agent: false, headers });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return new EventStream(response);
  }

  async has(part: string): Promise<void> {
    while (!this.text.includes(part)) await once(this.response, 'data');
  }

  close(): void {
    this.response.destroy();
  }
}

/** Sees that a stream that begins with `first` is kept open by a comment every 15 s of the faked clock. */
export async function hearsHeartbeat(url: string, first: string, clock: SinonFakeTimers): Promise<void> {
  const stream = await EventStream.open(url);
  await stream.has(first);
  expect(stream.text).not.to.include('\n: ');
  clock.tick(15_000);
  await stream.has('\n: still here\n\n');
  stream.close();
}
