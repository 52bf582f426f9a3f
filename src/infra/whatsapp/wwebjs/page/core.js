// The ground of the page layer: modules of WhatsApp Web by name, actions that the service calls, reports to it.
// `declared` and `reporter` are parameters of the function that these files are joined into (script.ts).
/* global declared, reporter */

/** An error with a code, since the page's own errors may cross to the service without words. */
export class PageError extends Error {
  constructor(code, message, details = {}) {
    super(message);
    this.name = 'PageError';
    Object.assign(this, { code, ...details });
  }
}

/** A module of the page, or undefined: the loader throws for a name that it doesn't know (yet). */
function moduleOf(name) {
  try {
    return window.require(name);
  } catch {
    return undefined;
  }
}

/** What `WAWebModule.export.member` names, with the object that it belongs to; both undefined when it is missing. */
function locate(name) {
  const [module, ...path] = name.split('.');
  let owner;
  let value = moduleOf(module);
  for (const part of path) {
    owner = value;
    value = owner?.[part];
  }
  return { owner, value };
}

/** A binding that may be missing. */
export function find(name) {
  return locate(name).value;
}

/** A binding. @throws PageError `MISSING_BINDING` */
export function use(name) {
  const { value } = locate(name);
  if (value === undefined || value === null)
    throw new PageError('MISSING_BINDING', `WhatsApp Web lacks ${name}`, { missing: name });
  return value;
}

/** Calls a function of the page as a method of its module. @throws PageError `MISSING_BINDING` */
export function invoke(name, ...args) {
  const { owner, value } = locate(name);
  return typeof value === 'function' ? value.apply(owner, args) : use(name)(...args);
}

/** Names of the declared bindings that are missing: those that are needed, and optional ones that were there before. */
const seen = new Set();
export function missingBindings() {
  return declared
    .filter(({ name, kind, optional }) => {
      const { value } = locate(name);
      const isThere =
        kind === 'function' ? typeof value === 'function' : value !== undefined && value !== null;
      if (isThere) seen.add(name);
      return !isThere && (!optional || seen.has(name));
    })
    .map(({ name }) => name);
}

/** What is known of an error, as plain data: its meaning may lie in properties of its own. */
export function describeError(error) {
  if (!(error instanceof Error)) return { name: typeof error, message: String(error), own: {} };
  const { name, message, code, stage, missing } = error;
  const own = Object.fromEntries(
    Object.entries(error).filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value)),
  );
  return { name, message, code: code === undefined ? undefined : String(code), stage, missing, own };
}

const actions = {};

/** Offers an action to the service under a name. */
export function offer(name, action) {
  actions[name] = action;
}

/** Reports to the service; resolves once it has taken the report. */
export async function report(name, payload) {
  if (!window[reporter]) throw new PageError('NO_SERVICE', 'the service does not listen');
  await window[reporter](name, payload);
}

/** Reports to the service and waits for nothing. */
export function notify(name, payload) {
  report(name, payload).catch((error) => console.warn('gateway', name, error));
}

/** Runs an action; an error is an answer, too. */
async function run(name, ...args) {
  try {
    return { value: (await actions[name](...args)) ?? null };
  } catch (error) {
    return { error: describeError(error) };
  }
}

Object.defineProperty(window, 'gatewayPage', { value: { run }, enumerable: false });
