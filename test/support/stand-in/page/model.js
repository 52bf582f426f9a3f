import { Emitter } from './emitter.js';

/** The key of an id that may be a string, a Wid or a MsgKey. */
const keyOf = (id) => id?.toString();

/** A model: its attributes are own properties, since the library reads them directly. */
export class Model extends Emitter {
  #collections = [];

  constructor(attributes) {
    super();
    Object.assign(this, attributes);
  }

  /** From now on events of the model are heard at the collection too. */
  join(collection) {
    this.#collections.push(collection);
  }

  /** Tells the model's listeners, then its collections'. */
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

  /** What an exposed function of the library gets when it is called with a model. */
  toJSON() {
    return this.serialize();
  }

  /** WhatsApp Web's unchecked view of a model: here the model itself. */
  unsafe() {
    return this;
  }
}

/** Models by their id, in the order in which they came. */
export class Collection extends Emitter {
  #models = new Map();

  /** The model of an id: a string, a Wid or a MsgKey. */
  get(id) {
    return this.#models.get(keyOf(id));
  }

  /** Takes a model in and tells of it. */
  add(model) {
    this.#models.set(keyOf(model.id), model);
    model.join(this);
    this.trigger('add', model);
    return model;
  }

  /** Takes older models in, before the others; nobody is told. */
  addFirst(models) {
    this.#models = new Map([...models.map((model) => [keyOf(model.id), model]), ...this.#models]);
    for (const model of models) model.join(this);
  }

  /** All models. */
  getModelsArray() {
    return [...this.#models.values()];
  }

  get length() {
    return this.#models.size;
  }
}
