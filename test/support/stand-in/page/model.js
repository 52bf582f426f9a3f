import { Emitter } from './emitter.js';

/** The key of an id that may be a string, a Wid or a MsgKey. */
const keyOf = (id) => id?.toString();

/** A model: its attributes are own properties, since the library reads them directly. */
export class Model extends Emitter {
  #collections = [];

  /** Those that the model is in. */
  get collections() {
    return this.#collections;
  }

  constructor(attributes) {
    super();
    Object.assign(this, attributes);
  }

  /** Forwards the model's events to a collection from now on. */
  join(collection) {
    this.#collections.push(collection);
  }

  /** Calls the model's listeners, then its collections'. */
  trigger(name, ...values) {
    super.trigger(name, ...values);
    for (const collection of this.#collections) collection.trigger(name, ...values);
  }

  /** Changes attributes: `change:x` with (model, value, previous) for each that differs, then one `change`. */
  set(changes) {
    const changed = Object.entries(changes).filter(([name, value]) => this[name] !== value);
    for (const [name, value] of changed) {
      const previous = this[name];
      this[name] = value;
      this.trigger(`change:${name}`, this, value, previous);
    }
    if (changed.length > 0) this.trigger('change', this);
  }

  /** The attributes as a new plain object. */
  serialize() {
    return { ...this };
  }

  /** What exposed functions of the library receive. */
  toJSON() {
    return this.serialize();
  }

  /** WhatsApp Web's unchecked view of a model: here the model itself. */
  unsafe() {
    return this;
  }
}

/** Models by id, in the order of their addition. */
export class Collection extends Emitter {
  #models = new Map();

  /** The model of an id: a string, a Wid or a MsgKey. */
  get(id) {
    return this.#models.get(keyOf(id));
  }

  /** Adds a model and emits `add`. */
  add(model) {
    this.#models.set(keyOf(model.id), model);
    model.join(this);
    this.trigger('add', model);
    return model;
  }

  /** Adds older models before the others, without an event. */
  addFirst(models) {
    this.#models = new Map([...models.map((model) => [keyOf(model.id), model]), ...this.#models]);
    for (const model of models) model.join(this);
  }

  /** A model has another id from now on. */
  replaceId(from, to) {
    const models = [...this.#models].map(([key, model]) => [key === keyOf(from) ? keyOf(to) : key, model]);
    this.#models = new Map(models);
  }

  getModelsArray() {
    return [...this.#models.values()];
  }

  get length() {
    return this.#models.size;
  }
}
