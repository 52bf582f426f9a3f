import type { EventEmitter } from 'eventemitter3';
import type { AdvanceableClock } from './advanceable-clock.ts';
import { Composer } from './composer.ts';
import { Devices } from './devices.ts';
import { Faults } from './faults.ts';
import type { Journal } from './journal.ts';
import { Lines } from './lines.ts';
import { Delivery } from './message-delivery.ts';
import { Passkeys } from './passkeys.ts';
import { SavedTokens } from './saved-tokens.ts';
import { Schedule } from './schedule.ts';
import { Seeded } from './seeded.ts';
import { Store } from './store.ts';
import type { NetworkSettings, SandboxNetworkEvents, SandboxNetworkOptions } from './types.ts';
import { Typing } from './typing.ts';
import { WireLog } from './wire-log.ts';
import type { World } from './world.ts';

/** The parts of the network, from a start or reset to the next. */
export interface Life {
  world: World;
  log: WireLog;
  typing: Typing;
  composer: Composer;
  delivery: Delivery;
  devices: Devices;
  faults: Faults;
  passkeys: Passkeys;
  tokens: SavedTokens;
}

/** Builds the parts of a new life on the content of the journal. */
export function beginLife(
  seed: string,
  options: SandboxNetworkOptions,
  outside: {
    clock: AdvanceableClock;
    journal: Journal | null;
    settings: NetworkSettings;
    events: EventEmitter<SandboxNetworkEvents>;
  },
): Life {
  const { wireLogSize = 1_000, chatSize = 500, refLifetimeMs = 20_000, connectMs = 20 } = options;
  const { clock, journal, settings, events } = outside;
  const schedule = new Schedule(clock, () => settings.clockSkewMs);
  const store = new Store({ journal, chatSize });
  store.restore();
  const log = new WireLog(wireLogSize);
  const world: World = {
    settings,
    store,
    schedule,
    // A later life on the same journal must not draw the same ids.
    seeded: new Seeded(`${seed}/${store.life}`),
    lines: new Lines(),
    events,
    wire: (kind, account, detail = {}) => {
      events.emit('wire', log.add({ kind, account, detail }, schedule.timestamp()));
    },
  };
  const typing = new Typing(world);
  const composer = new Composer(world);
  const delivery = new Delivery(world, composer, {
    drop: (pn, forMs) => faults.drop(pn, forMs),
    ban: (pn) => faults.ban(pn),
  });
  const passkeys = new Passkeys();
  const devices = new Devices({ world, delivery, typing, passkeys }, { refLifetimeMs, connectMs });
  const faults = new Faults(world, devices);
  return {
    world,
    log,
    typing,
    composer,
    delivery,
    devices,
    faults,
    passkeys,
    tokens: new SavedTokens(world),
  };
}
