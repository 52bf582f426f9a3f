import { me } from './connection.js';
import { call } from './line.js';
import { Collection, Model } from './model.js';
import { createWid } from './wid.js';

/** The people we have met. */
class Contacts extends Collection {
  /** Gets or asks for a contact; one who is unknown to the network is there without a name. */
  async find(id) {
    const wid = createWid(id);
    const known = this.get(wid);
    if (known) return known;
    return this.meet({ id: wid, ...(await call('contact', { jid: wid._serialized })) });
  }

  /** Takes a person in, unless we know them. */
  meet({ id, pn, lid, name }) {
    const wid = createWid(id);
    const known = this.get(wid);
    if (known) return known;
    const contact = new Model({
      id: wid,
      name: undefined,
      pushname: name ?? undefined,
      phoneNumber: pn ? createWid(pn) : undefined,
      lid: lid ? createWid(lid) : undefined,
      type: 'in',
      isContactBlocked: false,
    });
    return this.add(contact);
  }
}

export const Contact = new Contacts();

/** The phone-number address of a Wid, as far as known. */
export function toPn(wid) {
  if (!wid.isLid()) return wid;
  return me.lid?._serialized === wid._serialized ? me.pn : (Contact.get(wid)?.phoneNumber ?? null);
}

/** The LID of a Wid, as far as known. */
export function toLid(wid) {
  return wid.isLid() ? wid : (Contact.get(wid)?.lid ?? null);
}

/** `WAWebContactGetters`. */
export const getters = {
  getIsMe: ({ id }) => [me.pn?._serialized, me.lid?._serialized].includes(id._serialized),
  getIsUser: ({ id }) => id.isUser(),
  getIsGroup: ({ id }) => id.isGroup(),
  getIsWAContact: ({ id }) => id.isUser(),
  getUserid: ({ id }) => id.user,
  getVerifiedName: () => undefined,
  getVerifiedLevel: () => undefined,
  getStatusMute: () => false,
  getName: ({ name }) => name,
  getShortName: ({ name }) => name?.split(' ')[0],
  getPushname: ({ pushname }) => pushname,
  getIsEnterprise: () => false,
};
