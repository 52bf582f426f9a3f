import { execFile } from 'node:child_process';
import { chown, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** The unprivileged user of Unix systems. */
const UNPRIVILEGED = 65_534;
const PROBE_TIMEOUT_MS = 5_000;

/** How the server's programs are started: as which user, and through which wrapper. */
export interface ServerAccount {
  /** Put before the program, e.g. `['setpriv', '--pdeathsig', 'INT']`; may be empty. */
  wrapper: string[];
  /** For `spawn`; undefined when the wrapper sets it or the current user is right. */
  uid?: number;
  gid?: number;
  /** The required owner of the server's files; null for the current user. */
  owner: { uid: number; gid: number } | null;
}

/** True when the command succeeds under the account. */
async function succeeds(account: ServerAccount, command: string[]): Promise<boolean> {
  const [file, ...args] = [...account.wrapper, ...command];
  try {
    await run(file!, args, { uid: account.uid, gid: account.gid, cwd: '/', timeout: PROBE_TIMEOUT_MS });
    return true;
  } catch {
    return false;
  }
}

/** The owner of an existing cluster, else an unprivileged user: PostgreSQL refuses to run as root. */
async function ownerFor(clusterDir: string): Promise<{ uid: number; gid: number }> {
  const found = await stat(clusterDir).catch(() => null);
  return found && found.uid !== 0
    ? { uid: found.uid, gid: found.gid }
    : { uid: UNPRIVILEGED, gid: UNPRIVILEGED };
}

/** Accounts that root can try, the least privileged first; the capabilities only let the server pass closed parents. */
function candidates(owner: { uid: number; gid: number }, hasSetpriv: boolean): ServerAccount[] {
  if (!hasSetpriv) return [{ wrapper: [], ...owner, owner }];
  const base = [
    'setpriv',
    '--pdeathsig=INT',
    `--reuid=${owner.uid}`,
    `--regid=${owner.gid}`,
    '--clear-groups',
  ];
  const withCapability = (name: string) => [...base, `--inh-caps=+${name}`, `--ambient-caps=+${name}`];
  return [base, withCapability('dac_read_search'), withCapability('dac_override')].map((wrapper) => ({
    wrapper,
    owner,
  }));
}

/**
 * Finds out how to run the server: as the current user; for root, as the owner of the cluster or an unprivileged user.
 * With `setpriv` the kernel stops the server when this process dies, even by kill -9; without it (macOS) the next
 * start adopts the orphan.
 * @throws Error when that user can't reach the programs or the data.
 */
export async function findServerAccount(binDir: string, dataDir: string): Promise<ServerAccount> {
  const plain: ServerAccount = { wrapper: ['setpriv', '--pdeathsig=INT'], owner: null };
  const hasSetpriv = await succeeds(plain, ['true']);
  if (process.getuid?.() !== 0) return hasSetpriv ? plain : { wrapper: [], owner: null };
  const owner = await ownerFor(join(dataDir, 'postgres'));
  for (const account of candidates(owner, hasSetpriv)) {
    // Not `test -x`: it uses access(), which ignores capabilities.
    if (await succeeds(account, ['ls', '-d', `${binDir}/.`, `${dataDir}/.`])) return account;
  }
  throw new Error(
    `The embedded PostgreSQL can't run as root, and user ${owner.uid} can't reach ${binDir} and ${dataDir}: ` +
      'make their parent folders passable (chmod o+x), move DATA_DIR, run as another user, or set DB_URL',
  );
}

/** Gives a folder to the account that will run the server. */
export async function giveTo(account: ServerAccount, path: string): Promise<void> {
  if (account.owner) await chown(path, account.owner.uid, account.owner.gid);
}
