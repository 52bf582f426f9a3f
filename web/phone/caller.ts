import { ApiError, type Call, curlOf, send, withCommand } from './api.ts';
import { askForToken } from './dialogs.ts';
import { rememberToken, serviceToken } from './keys.ts';
import type { Store } from './state.ts';

/** How a call is made: `quiet` ones happen by themselves, and are not talked about. */
interface Manner {
  quiet?: boolean;
  onRefusal?: (code: string) => unknown;
}

/** Makes the page's calls, notes each as a script would make it, and tells what was refused. */
export class Caller {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Does something; gives the answer, or null when it was refused. */
  async act(label: string, asked: Call, manner: Manner = {}): Promise<unknown> {
    const { quiet = false, onRefusal } = manner;
    const call = { ...asked, key: asked.key ?? serviceToken() };
    this.#note(label, asked, call, quiet);
    try {
      return await send(call);
    } catch (thrown) {
      const code = thrown instanceof ApiError ? thrown.code : '';
      onRefusal?.(code);
      const wantsToken = !quiet && asked.key === undefined && code === 'UNAUTHORIZED';
      if (wantsToken && (await this.#askForToken())) return this.act(label, asked, manner);
      if (!quiet) this.tell(`${thrown instanceof Error ? thrown.message : thrown} (${code})`, true);
      return null;
    }
  }

  /** Asks for what is to be shown; after a failure it is asked for again with the next picture. */
  async look(path: string, failed: () => void): Promise<unknown> {
    try {
      return await send({ method: 'GET', path });
    } catch {
      failed();
      return null;
    }
  }

  /** Says something to the viewer. */
  tell(text: string, bad = false): void {
    this.#store.change((state) => {
      state.notice = { text, bad };
    });
  }

  /** Keeps the call for scripts. What is shown of it names the service's token only; the copy holds it. */
  #note(label: string, asked: Call, call: Call, quiet: boolean): void {
    const curl = curlOf(call, location.origin);
    const hasToken = asked.key === undefined && call.key !== undefined;
    const shown = hasToken ? curlOf({ ...call, key: '$SESSIONS_TOKEN' }, location.origin) : curl;
    this.#store.change((state) => {
      state.commands = withCommand(state.commands, { label, curl, shown }, quiet);
      if (!quiet) state.notice = null;
    });
  }

  /** Asks for `SESSIONS_TOKEN`, where it is set: a login is enough to look, not to change anything. */
  async #askForToken(): Promise<boolean> {
    const token = await askForToken();
    if (token) rememberToken(token);
    return Boolean(token);
  }
}
