import { EventEmitter } from 'eventemitter3';
import type { Jid } from '../../../actors/ports.ts';
import type {
  Account,
  ChatMessage,
  ChatView,
  Device,
  Draft,
  Group,
  LineView,
  SandboxNetworkEvents,
  SandboxNetworkOptions,
  WireEntry,
} from './types.ts';

const todo = (): never => {
  throw new Error('not built yet');
};

/**
 * A small simulated WhatsApp, all in this process. Numbers may be given as `62811…` or as `62811…@c.us`; every
 * number exists (and comes to be when first named) but the fixed 15550000001.
 */
export class SandboxNetwork {
  readonly events = new EventEmitter<SandboxNetworkEvents>();

  constructor(_options: SandboxNetworkOptions = {}) {}

  // ── Devices ──
  /** A new device; connects by itself with a good token, else shows refs. Listen before the next tick. */
  openDevice(_options: { token?: string | null } = {}): Device {
    return todo();
  }
  /** The devices that are open now under this account. */
  devicesOf(_account: string): Device[] {
    return todo();
  }

  // ── Phone side ──
  /** Gets or makes an account; given fields are set. */
  account(_number: string, _fields: Partial<Omit<Account, 'pn'>> = {}): Account {
    return todo();
  }
  accounts(): Account[] {
    return todo();
  }
  /** Makes a group, or replaces name and participants of the one with this id. */
  group(_options: { id?: Jid; name: string; participants: string[] }): Group {
    return todo();
  }
  groups(): Group[] {
    return todo();
  }
  /** Scans a QR with the phone of `number`. @throws SandboxRefusal EXPIRED_REF, UNKNOWN_REF, ALREADY_SCANNED */
  scan(_qr: string, _number: string): Account {
    return todo();
  }
  /** Declines a QR on the phone: the device hears `refused`. @throws SandboxRefusal as scan */
  refuse(_qr: string): void {
    return todo();
  }
  /** Unlinks every device of the account on its phone (LOGOUT). */
  unlink(_number: string): void {
    return todo();
  }
  /** Writes as a person from their phone; returns the writer's copy. `to` is a number, LID or group. */
  write(_from: string, _draft: Draft): ChatMessage {
    return todo();
  }
  /** Posts a status that `to` sees. */
  postStatus(_from: string, _to: string, _text: string): ChatMessage {
    return todo();
  }
  /** Posts in a channel that `to` follows. */
  postChannel(_channel: Jid, _to: string, _text: string): ChatMessage {
    return todo();
  }
  /** Reads a chat on the account's phone: read receipts go out. */
  read(_number: string, _chatId: Jid): void {
    return todo();
  }
  /** Types (or stops) on the account's phone. */
  type(_number: string, _chatId: Jid, _typing: boolean): void {
    return todo();
  }
  chats(_number: string): ChatView[] {
    return todo();
  }
  /** Oldest first. */
  messages(_number: string, _chatId?: Jid, _limit?: number): ChatMessage[] {
    return todo();
  }
  /** The bytes of one of the newest images, or null when they were let go. */
  mediaBytes(_sha256: string): Uint8Array | null {
    return todo();
  }

  // ── Faults, by account ──
  line(_number: string): LineView {
    return todo();
  }
  /** Loses the connection: devices go to OPENING, messages wait; back by `restore` or after `forMs`. */
  drop(_number: string, _forMs?: number): void {
    return todo();
  }
  /** Ends every fault of the account: online, thawed, no latency, no failures, not banned. */
  restore(_number: string): void {
    return todo();
  }
  setLatency(_number: string, _ms: number): void {
    return todo();
  }
  setFailureRate(_number: string, _share: number): void {
    return todo();
  }
  /** Devices answer nothing (and hear nothing) until thawed. */
  freeze(_number: string, _frozen: boolean): void {
    return todo();
  }
  /** Puts devices into any named state: CONFLICT, TIMEOUT, PROXYBLOCK, TOS_BLOCK, …; CONNECTED brings back. */
  setState(_number: string, _state: string): void {
    return todo();
  }
  /** Devices end with `closed CRASH`: the browser is gone. */
  crash(_number: string): void {
    return todo();
  }

  // ── Device storage of the in-process driver ──
  savedToken(_agentId: string): string | null {
    return todo();
  }
  saveToken(_agentId: string, _token: string): void {
    return todo();
  }
  forgetToken(_agentId: string): void {
    return todo();
  }
  /** True when the token belongs to a device that is still linked. */
  isLinked(_token: string): boolean {
    return todo();
  }

  // ── The whole ──
  wireLog(): WireEntry[] {
    return todo();
  }
  /** Lets virtual time pass at once: everything due in it happens, in order. */
  advance(_ms: number): void {
    return todo();
  }
  /** Ends all devices (`closed RESET`), forgets everything, and starts again from the seed. */
  reset(_seed?: string): void {
    return todo();
  }
  /** Closes all devices silently, stops all timers, closes the journal. Idempotent. */
  close(): void {
    return todo();
  }
}
