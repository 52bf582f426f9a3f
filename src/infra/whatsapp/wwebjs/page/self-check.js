import { find, invoke, missingBindings, notify, offer } from './core.js';
import { watchLinking } from './linking.js';
import { countUnreported, reportPending } from './receiving.js';
import { repair, webVersion } from './repairs.js';

let lastResult = '';

/** What of the page is as it has to be: repairs first, then what is missing in spite of them. */
function check() {
  const result = { repaired: repair(), missing: missingBindings(), webVersion: webVersion() };
  lastResult = JSON.stringify(result);
  return result;
}

/** The state of the socket; `OPENING` for a connected page without the library, which it lacks after a reload. */
function socketState() {
  const state = find('WAWebSocketModel.Socket')?.state;
  if (state === 'CONNECTED' && !window.WWebJS) return 'OPENING';
  return state ?? 'UNLAUNCHED';
}

/** How the page is: its socket, and messages that it has and the service lacks. */
function probe() {
  return { state: socketState(), unreported: countUnreported() };
}

/** A function of the page that may be missing; undefined then. */
const ifThere = (name) => (find(name) ? invoke(name) : undefined);

/** The limit on writing to people who never wrote; null when the page knows of none. */
function timelock() {
  if (!ifThere('WAWebReachoutTimelockUtils.isUserReachoutTimelocked')) return null;
  const key = find('WAWebReachoutTimelockUtils.REACHOUT_TIMELOCK_IDB_KEY');
  const stored = key && find('WAWebUserPrefsIndexedDBStorage.userPrefsIdb')?.get(key);
  return { kind: 'reachout_timelock', until: stored?.time_enforcement_ends ?? null };
}

/** The cap on new chats in a cycle; null when the page knows of none, or it isn't reached. */
function cap() {
  const data = ifThere('WAWebIndividualNewChatMessageCappingLimitUtils.getCappingData') ?? {};
  const total = data.total_quota ?? data.totalQuota ?? 0;
  const isUsedUp = total > 0 && (data.used_quota ?? data.usedQuota ?? 0) >= total;
  if (!(ifThere('WAWebIndividualNewChatMessageCappingLimitUtils.isUserCapped') ?? isUsedUp)) return null;
  const endsAt = data.cycle_end_timestamp ?? data.cycleEndTimestamp;
  return { kind: 'message_cap', until: endsAt ? endsAt * 1000 : null };
}

/** Once a page is linked, reports when something goes missing or is back. */
function watchBindings() {
  if (!window.WWebJS) return;
  const before = lastResult;
  const result = check();
  if (lastResult !== before) notify('check', result);
}

/** Runs a watch; one that fails doesn't stop the others. */
function guarded(watch) {
  try {
    watch();
  } catch (error) {
    console.warn('gateway', error);
  }
}

const EAGER_FOR_MS = 60_000;
const EAGER_MS = 500;
const CALM_MS = 2_000;
const startedAt = Date.now();

/** Looks after the page: often while it is new, then every few seconds. */
function watch() {
  for (const each of [repair, watchLinking, watchBindings, reportPending]) guarded(each);
  setTimeout(watch, Date.now() - startedAt < EAGER_FOR_MS ? EAGER_MS : CALM_MS);
}

offer('check', check);
offer('repair', repair);
offer('probe', probe);
offer('socketState', socketState);
offer('restriction', () => timelock() ?? cap());
watch();
