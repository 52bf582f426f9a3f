import { createActor } from 'xstate';
import { type TurnInput, type TurnOutput, turnMachine } from './turn.machine.ts';

/** Runs one turn to its end; aborting ends the AI call and the typing, and rejects with the signal's reason. */
export function runTurn(input: TurnInput, signal: AbortSignal): Promise<TurnOutput> {
  return new Promise((resolve, reject) => {
    const actor = createActor(turnMachine, { input, clock: input.clock });
    const abort = () => {
      actor.stop();
      reject(signal.reason);
    };
    actor.subscribe({
      complete: () => {
        signal.removeEventListener('abort', abort);
        const { output } = actor.getSnapshot();
        if (output) resolve(output);
      },
      error: (error) => {
        signal.removeEventListener('abort', abort);
        reject(error);
      },
    });
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    actor.start();
  });
}
