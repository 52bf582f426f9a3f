import { switches } from './switches.js';

/** An error of the minified page: its name, its message and its stack say nothing. */
class r extends Error {
  name = 'r';

  constructor(facts) {
    super('r');
    this.stack = this.stack.replace(/^.*/, 'r: r');
    Object.assign(this, facts);
  }
}

/** An error as this build throws it: in words, or with the words in a property of its own. */
export function pageError(words, facts = {}) {
  if (switches.wordlessErrors) return new r({ ...facts, reason: words });
  return Object.assign(new Error(words), facts);
}
