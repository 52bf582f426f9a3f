import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** The addresses of /proc/net that lead nowhere beyond this machine: loopback, and the peer of who only listens. */
const LOCAL = [
  /^[0-9A-F]{6}7F$/, // 127.0.0.0/8
  /^0{24}01000000$/, // ::1
  /^0{16}FFFF0000[0-9A-F]{6}7F$/, // 127.0.0.0/8 as IPv6
];
const NOBODY = /^0+$/;

/** Where Linux lists everybody's sockets; null on other systems. */
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
 * The TCP and UDP sockets of these processes whose own or other end is not on this machine's loopback, as lines of
 * /proc/net (`findProcNet`). A process that is gone has none.
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
        return !isLocal(here) || !(isLocal(there) || NOBODY.test(there));
      }),
  );
}
