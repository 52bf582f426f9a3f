import { expect } from 'chai';
import { ChatQueues } from '../../../src/actors/inbound/chat-queues.ts';

describe('chat queues', () => {
  const queues = (concurrency: number) => new ChatQueues(concurrency, () => undefined);

  /** A job that runs until released, and logs its start and end. */
  function held(log: string[], name: string) {
    let release = () => {};
    let finish = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const done = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const job = async () => {
      log.push(`+${name}`);
      await released;
      log.push(`-${name}`);
      finish();
    };
    return { job, release, done };
  }

  it('run the jobs of a chat in order and those of different chats in parallel, up to the limit', async () => {
    const log: string[] = [];
    const chats = queues(2);
    const a1 = held(log, 'a1');
    const a2 = held(log, 'a2');
    const b1 = held(log, 'b1');
    const c1 = held(log, 'c1');
    chats.enqueue('a', a1.job);
    chats.enqueue('a', a2.job);
    chats.enqueue('b', b1.job);
    chats.enqueue('c', c1.job);
    expect(log).to.deep.equal(['+a1', '+b1']);
    for (const one of [b1, c1, a1, a2]) {
      one.release();
      await one.done;
    }
    expect(log).to.deep.equal(['+a1', '+b1', '-b1', '+c1', '-c1', '-a1', '+a2', '-a2']);
  });

  it('abort running jobs when stopped, after their grace period, and start no more', async () => {
    const log: string[] = [];
    const chats = queues(1);
    chats.enqueue(
      'a',
      (signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
    );
    chats.enqueue('b', held(log, 'b').job);
    await chats.stop(0);
    expect(log).to.deep.equal([]);
  });

  it('give a released slot to another chat, and its own chat none before the job has ended', async () => {
    const log: string[] = [];
    const chats = queues(1);
    const a1 = held(log, 'a1');
    chats.enqueue('a', (_signal, releaseSlot) => {
      const running = a1.job();
      releaseSlot();
      return running;
    });
    chats.enqueue('a', held(log, 'a2').job);
    chats.enqueue('b', held(log, 'b1').job);
    expect(log).to.deep.equal(['+a1', '+b1']);
    const b2 = held(log, 'b2');
    chats.enqueue('b', b2.job);
    a1.release();
    await a1.done;
    expect(log).to.deep.equal(['+a1', '+b1', '-a1']);
  });
});
