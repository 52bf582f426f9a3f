import { Emitter } from './emitter.js';
import { call } from './line.js';
import { Model } from './model.js';
import { switches } from './switches.js';
import { removeToken } from './token.js';
import { createWid } from './wid.js';

/** The connection of the linked account. */
class SocketModel extends Model {
  /** Unlinks this device. The page stays where it is: the library closes the browser itself. */
  async logout() {
    await call('logout');
    await removeToken();
  }

  /** Asks for a new connection; `session.js` makes it. */
  reconnect() {
    this.trigger('reconnect');
  }

  /** Takes the account over from another browser that uses the same token. */
  takeover() {
    this.trigger('reconnect');
  }
}

export const Socket = new SocketModel({ state: 'UNLAUNCHED', hasSynced: false });

export const Conn = new Model({ ref: undefined, pushname: undefined, platform: 'android', phone: {} });

/** Shows refs again after they were used up. */
const refreshQR = () => call('refresh');

/** `WAWebCmd`, and `WAWebLaunchSocketUtils`, which has it as well, or alone. */
export const Cmd = Object.assign(new Emitter(), !switches.refreshQrMoved && { refreshQR });
export const launchUtils = { refreshQR };

/** The public parts of the pairing QR; the stream's first event brings them. */
export const keys = { static: '', identity: '', adv: '', platform: '' };

/** The linked account as Wids; null while there is none. */
export const me = { pn: null, lid: null };

/** The session is open: who we are. */
export function setMe({ pn, lid, name }) {
  me.pn = createWid(pn);
  me.lid = lid ? createWid(lid) : null;
  Conn.set({ pushname: name, wid: me.pn });
}
