import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Loopback addresses in /proc/net. */
const LOCAL = [
  /^[0-9A-F]{6}7F$/, // 127.0.0.0/8
  /^0{24}01000000$/, // ::1
  /^0{16}FFFF0000[0-9A-F]{6}7F$/, // 127.0.0.0/8 as IPv6
];
const NO_PEER = /^0+$/;

/** Where Linux lists all sockets; null on other systems. */
export function findProcNet(): string | null {
  return existsSync('/proc/net/tcp') ? '/proc/net' : null;
}

/** The sockets that a process has open, by their inodes. */
function inodesOf(pid: number): Set<string> {
  const links = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
}

/**
 * The TCP and UDP sockets of these processes with either end beyond loopback, as lines of /proc/net (`findProcNet`).
 * A process that is gone has none.
 */
export function foreignSockets(pids: number[]): string[] {
  const inodes = new Set(
    pids.flatMap((pid) => {
      try {
        return [...inodesOf(pid)];
      } catch {
        return [];
      }
    }),
  );
  if (inodes.size === 0) return [];
  return ['tcp', 'tcp6', 'udp', 'udp6'].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, 'utf8')
      .split('\n')
      .slice(1)
      .filter((line) => {
        const [, own = '', other = '', , , , , , , inode = ''] = line.trim().split(/\s+/);
        if (!inodes.has(inode)) return false;
        const [here = '', there = ''] = [own, other].map((end) => end.split(':')[0]!);
        const isLocal = (address: string) => LOCAL.some((pattern) => pattern.test(address));
        return !isLocal(here) || !(isLocal(there) || NO_PEER.test(there));
      }),
  );
}
