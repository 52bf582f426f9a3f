import { expect } from 'chai';
import { createActor, createMachine } from 'xstate';
import type { TransitionRecord } from '../../../src/actors/domain/agent-view.ts';
import { recordTransitions } from '../../../src/actors/statechart/transition-recorder.ts';

/** Starts a machine with the id of a session's, sends it events and returns the records. */
function recorded(...events: { type: string; [field: string]: unknown }[]): TransitionRecord[] {
  const machine = createMachine({
    id: 'agent',
    initial: 'off',
    states: {
      off: { on: { go: 'on' } },
      on: { always: { guard: () => true, target: 'beyond' } },
      beyond: { on: { again: { target: 'beyond', reenter: true }, noop: {} } },
    },
  });
  const records: TransitionRecord[] = [];
  let now = 1_000;
  const inspect = recordTransitions({
    now: () => (now += 5),
    onTransition: (record) => records.push(record),
    onError: (error) => {
      throw error;
    },
  });
  const actor = createActor(machine, { inspect }).start();
  for (const event of events) actor.send(event);
  actor.stop();
  return records;
}

describe('the transition recorder', () => {
  it('records each transition as an edge, and marks eventless ones', () => {
    const records = recorded({ type: 'go', traceId: 'abc' });
    expect(records.map(({ seq, event, edges, from, to }) => [seq, event, edges, from, to])).to.deep.equal([
      [1, 'go', ['off → on'], ['off'], ['on']],
      [2, 'go', ['on → beyond'], ['on'], ['beyond']],
    ]);
    expect(records.map(({ eventless }) => eventless)).to.deep.equal([undefined, true]);
    expect(records[0]).to.include({ machine: 'agent', ignored: false, dwellMs: 5, traceId: 'abc' });
  });

  it('marks events without a transition as ignored, but not self-transitions', () => {
    const [, , ignored, again, noop] = recorded(
      { type: 'go' },
      { type: 'unexpected' },
      { type: 'again' },
      { type: 'noop' },
    );
    expect(ignored).to.include({ event: 'unexpected', ignored: true }).and.to.deep.include({ edges: [] });
    expect(again)
      .to.include({ ignored: false })
      .and.to.deep.include({ edges: ['beyond → beyond'] });
    expect(noop)
      .to.include({ ignored: false })
      .and.to.deep.include({ edges: ['beyond → beyond'] });
  });

  it('reports a transition and its state once the machine has settled', () => {
    const machine = createMachine({
      id: 'agent',
      initial: 'off',
      states: { off: { on: { go: 'on' } }, on: { always: 'beyond' }, beyond: {} },
    });
    const seen: string[] = [];
    const inspect = recordTransitions({
      now: () => 0,
      onTransition: ({ to }) => seen.push(`${to[0]}: ${actor.getSnapshot().value}`),
      onError: (error) => {
        throw error;
      },
    });
    const actor = createActor(machine, { inspect }).start();
    actor.send({ type: 'go' });
    actor.stop();
    expect(seen).to.deep.equal(['on: beyond', 'beyond: beyond']);
  });

  it('keeps the fields of an event that decide, and no number, text or secret', () => {
    const [record] = recorded({
      type: 'go',
      reason: 'Banned: +62 812-3456-7890',
      percent: 40,
      fresh: true,
      code: '2@secret',
      me: { pn: '6281234567890@c.us' },
      error: new Error('6281234567890'),
    });
    expect(record!.data).to.deep.equal({ reason: 'Banned: •••', percent: 40, fresh: true });
    expect(JSON.stringify(record)).not.to.match(/secret|62812/);
  });
});
