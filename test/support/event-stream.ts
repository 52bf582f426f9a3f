import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { expect } from 'chai';
import type { SinonFakeTimers } from 'sinon';

/** An open stream of Server-Sent Events, with the text received so far. */
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

/** Asserts that a stream which starts with `first` sends a comment every 15 s of the fake clock. */
export async function expectHeartbeat(url: string, first: string, clock: SinonFakeTimers): Promise<void> {
  const stream = await EventStream.open(url);
  await stream.has(first);
  expect(stream.text).not.to.include('\n: ');
  clock.tick(15_000);
  await stream.has('\n: still here\n\n');
  stream.close();
}
