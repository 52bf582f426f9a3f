import { expect } from 'chai';
import { backoffMs, RESTART_BACKOFF } from '../../../src/actors/domain/backoff.ts';
import { restartRule } from '../../../src/actors/domain/restart-policy.ts';

describe('the restart backoff', () => {
  it('grows from one second to five minutes and stays there', () => {
    const middle = () => 0.5;
    const waits = [1, 2, 3, 8, 9, 10, 1_000].map((attempt) => backoffMs(attempt, RESTART_BACKOFF, middle));
    expect(waits).to.deep.equal([1_000, 2_000, 4_000, 128_000, 256_000, 300_000, 300_000]);
  });

  it('has a jitter of 20 % in both directions', () => {
    expect(backoffMs(1, RESTART_BACKOFF, () => 0)).to.equal(800);
    expect(backoffMs(1, RESTART_BACKOFF, () => 1)).to.equal(1_200);
  });
});

describe('the restart policy', () => {
  it('restarts after an unknown reason', () => {
    expect(restartRule('SOMETHING_NEW')).to.deep.equal({ decision: 'restart' });
  });

  it('stays idle after a logout, which deletes the credentials', () => {
    expect(restartRule('LOGOUT')).to.deep.equal({ decision: 'idle', forgetCredentials: true });
  });
});
