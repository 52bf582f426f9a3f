import { askForToken } from './dialogs.ts';
import { ApiError, type Call, curlOf, send, withCommand } from './http-call.ts';
import { rememberToken, serviceToken } from './keys.ts';
import type { Store } from './state.ts';

/** How a call is made: `quiet` ones are automatic and show no notice. */
interface CallOptions {
  quiet?: boolean;
  onRefusal?: (code: string) => unknown;
}

/** Makes the page's calls, records each as a cURL command, and shows refusals. */
export class Caller {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Makes a call that changes something; returns its response, or null when refused. */
  async act(label: string, asked: Call, options: CallOptions = {}): Promise<unknown> {
    const { quiet = false, onRefusal } = options;
    const call = { ...asked, key: asked.key ?? serviceToken() };
    this.#record(label, asked, call, quiet);
    try {
      return await send(call);
    } catch (thrown) {
      const code = thrown instanceof ApiError ? thrown.code : '';
      onRefusal?.(code);
      const wantsToken = !quiet && asked.key === undefined && code === 'UNAUTHORIZED';
      if (wantsToken && (await this.#askForToken())) return this.act(label, asked, options);
      if (!quiet) this.notify(`${thrown instanceof Error ? thrown.message : thrown} (${code})`, true);
      return null;
    }
  }

  /** Reads what is to be shown; null after a failure, which `failed` prepares for the next attempt. */
  async read(path: string, failed: () => void): Promise<unknown> {
    try {
      return await send({ method: 'GET', path });
    } catch {
      failed();
      return null;
    }
  }

  /** Shows a notice. */
  notify(text: string, bad = false): void {
    this.#store.change((state) => {
      state.notice = { text, bad };
    });
  }

  /** Records the call as a command. The shown text has a placeholder for the service's token; the copied text has it. */
  #record(label: string, asked: Call, call: Call, quiet: boolean): void {
    const curl = curlOf(call, location.origin);
    const hasToken = asked.key === undefined && call.key !== undefined;
    const shown = hasToken ? curlOf({ ...call, key: '$SESSIONS_TOKEN' }, location.origin) : curl;
    this.#store.change((state) => {
      state.commands = withCommand(state.commands, { label, curl, shown }, quiet);
      if (!quiet) state.notice = null;
    });
  }

  /** Asks for `SESSIONS_TOKEN`: a login permits reading only. False when the dialog was cancelled. */
  async #askForToken(): Promise<boolean> {
    const token = await askForToken();
    if (token) rememberToken(token);
    return Boolean(token);
  }
}
