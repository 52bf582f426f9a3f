import { find, invoke } from './core.js';
import { messageIdOf } from './people.js';

// What the page has renamed or moved, put back where whatsapp-web.js expects it. Each repair looks at what the page
// has, never at its version; it does nothing where nothing is wrong and may run again. docs/whatsapp-drift.md has the
// sources and says when one can go.

/** A key to look at; undefined when the page can make none now. */
function probeKey() {
  try {
    return invoke('WAWebMsgKey.fromString', 'true_0@c.us_PROBE');
  } catch {
    return undefined;
  }
}

/** Since July 2026 a message key calls its `_serialized` otherwise (`$1`). */
function restoreMessageKey() {
  const key = probeKey();
  if (!key) return false;
  const prototype = Object.getPrototypeOf(key);
  if (Object.getOwnPropertyDescriptor(prototype, '_serialized')) return true;
  if (typeof key._serialized === 'string') return false;
  const text = String(key);
  const renamed = Object.keys(key).find((name) => key[name] === text);
  Object.defineProperty(prototype, '_serialized', {
    configurable: true,
    get() {
      return messageIdOf({ ...this, toString: () => String(this) });
    },
    set(value) {
      Object.defineProperty(this, '_serialized', {
        value,
        writable: true,
        enumerable: true,
        configurable: true,
      });
    },
  });
  // Keys that are made from now on have both names.
  if (renamed)
    Object.defineProperty(prototype, renamed, {
      configurable: true,
      get() {
        return this._serialized;
      },
      set(value) {
        this._serialized = value;
      },
    });
  return true;
}

const dropsMediaId = new WeakSet();
let droppedMediaId = false;

/** Since September 2026 the data of a medium carries `__x_id`, which shadows the id of its message. */
function dropMediaId() {
  const module = find('WAWebSendMsgChatAction');
  const original = module?.addAndSendMsgToChat;
  if (typeof original !== 'function') return false;
  if (!dropsMediaId.has(original)) {
    const repaired = (chat, data, ...rest) => {
      if (data && Object.hasOwn(data, '__x_id')) {
        droppedMediaId = true;
        delete data.__x_id;
      }
      return original.call(module, chat, data, ...rest);
    };
    dropsMediaId.add(repaired);
    module.addAndSendMsgToChat = repaired;
  }
  return droppedMediaId;
}

let movedRefresh = false;

/** Since July 2026 the call for a new QR stands in another module. */
function restoreRefreshQr() {
  const commands = find('WAWebCmd.Cmd');
  if (!commands || !find('WAWebLaunchSocketUtils.refreshQR') || movedRefresh) return movedRefresh;
  if (typeof commands.refreshQR === 'function') return false;
  commands.refreshQR = () => invoke('WAWebLaunchSocketUtils.refreshQR');
  movedRefresh = true;
  return true;
}

/** The build of the page, such as `2.3000.1043220887`; null when it does not say. */
export function webVersion() {
  const updater = find('WAWebUpdaterVersion');
  const said = [window.Debug?.VERSION, updater, ...Object.values(updater ?? {})];
  return said.find((text) => typeof text === 'string' && /^\d+\.\d+\.\d+/.test(text)) ?? null;
}

let namedVersion = false;

/** Since July 2026 `window.Debug`, which the library waits for, comes late or never. */
function restoreDebugVersion() {
  if (namedVersion || window.Debug?.VERSION !== undefined) return namedVersion;
  const version = webVersion();
  if (version === null) return false;
  window.Debug = Object.assign(window.Debug ?? {}, { VERSION: version });
  namedVersion = true;
  return true;
}

const repairs = {
  'message-key': restoreMessageKey,
  'media-id': dropMediaId,
  'refresh-qr': restoreRefreshQr,
  'debug-version': restoreDebugVersion,
};

/** Makes all repairs that the page needs now; answers the names of those that are in effect. */
export function repair() {
  return Object.keys(repairs).filter((name) => repairs[name]());
}
