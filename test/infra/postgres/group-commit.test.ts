import { expect } from 'chai';
import sinon from 'sinon';
import { GatewayError } from '../../../src/actors/domain/errors.ts';
import { GroupCommit } from '../../../src/infra/postgres/group-commit.ts';

/** A write that waits for `open()` and records its batches. */
function gatedWrite() {
  const batches: number[][] = [];
  const gates: (() => void)[] = [];
  const write = async (items: number[]) => {
    batches.push(items);
    await new Promise<void>((resolve) => gates.push(resolve));
    return items.map((item) => item * 10);
  };
  const open = async () => {
    while (gates.length === 0) await Promise.resolve();
    gates.shift()?.();
  };
  return { batches, write, open };
}

describe('group commit', () => {
  it('writes the calls of one tick as one batch, in order', async () => {
    const batches: number[][] = [];
    const commit = new GroupCommit(async (items: number[]) => {
      batches.push(items);
      return items.map((item) => item * 10);
    });
    expect(await Promise.all([commit.add(1), commit.add(2), commit.add(3)])).to.deep.equal([10, 20, 30]);
    expect(batches).to.deep.equal([[1, 2, 3]]);
  });

  it('lets further calls join a lingering batch until its time is up or a flush is requested', async () => {
    const timers = sinon.useFakeTimers();
    try {
      const batches: number[][] = [];
      const commit = new GroupCommit(
        async (items: number[]) => {
          batches.push(items);
          return items;
        },
        { lingerMs: 10 },
      );
      const first = commit.add(1);
      await timers.tickAsync(9);
      const second = commit.add(2);
      expect(batches).to.deep.equal([]);
      await timers.tickAsync(1);
      await Promise.all([first, second]);
      expect(batches).to.deep.equal([[1, 2]]);
      void commit.add(3);
      await commit.flushed();
      expect(batches).to.deep.equal([[1, 2], [3]]);
      await timers.tickAsync(10);
      expect(batches).to.deep.equal([[1, 2], [3]]);
    } finally {
      timers.restore();
    }
  });

  it('collects calls while a batch is being written, and writes one batch at a time', async () => {
    const { batches, write, open } = gatedWrite();
    const commit = new GroupCommit(write);
    const first = commit.add(1);
    while (batches.length === 0) await Promise.resolve();
    const second = commit.add(2);
    const third = commit.add(3);
    expect(batches).to.deep.equal([[1]]);
    await open();
    expect(await first).to.equal(10);
    await open();
    expect(await Promise.all([second, third])).to.deep.equal([20, 30]);
    expect(batches).to.deep.equal([[1], [2, 3]]);
  });

  it('splits calls into batches of limited size', async () => {
    const sizes: number[] = [];
    const write = async (items: number[]) => {
      sizes.push(items.length);
      return items;
    };
    const commit = new GroupCommit(write, { maxBatch: 2 });
    await Promise.all([1, 2, 3, 4, 5].map((item) => commit.add(item)));
    expect(sizes).to.deep.equal([2, 2, 1]);
  });

  it('fails only the invalid item', async () => {
    const commit = new GroupCommit(async (items: number[]) => {
      if (items.includes(2)) throw new GatewayError('INTERNAL', 'bad item');
      return items;
    });
    const results = await Promise.allSettled([commit.add(1), commit.add(2), commit.add(3)]);
    expect(results.map((result) => result.status)).to.deep.equal(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('fails the whole batch, once, when the database is unavailable', async () => {
    let writes = 0;
    const commit = new GroupCommit(async (): Promise<number[]> => {
      writes++;
      throw new GatewayError('DATABASE_UNAVAILABLE', 'away');
    });
    const results = await Promise.allSettled([commit.add(1), commit.add(2)]);
    expect(results.map((result) => result.status)).to.deep.equal(['rejected', 'rejected']);
    expect(writes).to.equal(1);
  });

  it('resolves when everything is written, also after failures', async () => {
    const commit = new GroupCommit(async (): Promise<number[]> => {
      throw new GatewayError('DATABASE_UNAVAILABLE', 'away');
    });
    const failing = commit.add(1).catch((error: GatewayError) => error.code);
    await commit.flushed();
    expect(await failing).to.equal('DATABASE_UNAVAILABLE');
  });
});
