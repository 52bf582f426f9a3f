/** Events in the manner of WhatsApp Web's models: several names, separated by blanks, may be given at once. */
export class Emitter {
  #listeners = new Map();
  #waiting = new Map();

  /** Adds a listener, and resolves the `whenListened` of its names. */
  on(names, listener) {
    for (const name of names.split(' ')) {
      this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener]);
      for (const wake of this.#waiting.get(name) ?? []) wake();
      this.#waiting.delete(name);
    }
    return this;
  }

  off(names, listener) {
    for (const name of names.split(' ')) {
      const others = (this.#listeners.get(name) ?? []).filter((other) => other !== listener);
      this.#listeners.set(name, others);
    }
    return this;
  }

  once(names, listener) {
    const only = (...values) => {
      this.off(names, only);
      listener(...values);
    };
    return this.on(names, only);
  }

  /** Calls the listeners of a name, in the order of their addition. */
  trigger(name, ...values) {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) listener(...values);
  }

  /** Resolves once the name has a listener. */
  whenListened(name) {
    if (this.#listeners.get(name)?.length) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.set(name, [...(this.#waiting.get(name) ?? []), resolve]);
    });
  }
}
