import { expect } from 'chai';
import { launchOptions } from '../../src/infra/whatsapp/wwebjs/chromium.ts';
import { WwebjsClient } from '../../src/infra/whatsapp/wwebjs/client.ts';
import { type Library, openLibrary } from '../../src/infra/whatsapp/wwebjs/library.ts';
import { browsersOf } from '../../src/infra/whatsapp/wwebjs/processes.ts';
import { Profile } from '../../src/infra/whatsapp/wwebjs/profile.ts';
import { whenChromium } from '../support/chromium.ts';
import { text } from '../support/contents.ts';
import { forEachEdition } from '../support/editions.ts';
import { CUSTOMER_CHAT as ANN, agentRef, BOT_CHAT as BOT } from '../support/fixtures.ts';
import { next, WwebjsWorld } from '../support/wwebjs.ts';

const DEADLINES = {
  startMs: 30_000,
  sendMs: 5_000,
  queryMs: 5_000,
  historyMs: 5_000,
  logoutMs: 5_000,
  closeMs: 5_000,
};

whenChromium(
  'the driver of whatsapp-web.js on a page that reloads or changes by itself',
  (executablePath) => {
    forEachEdition((page) =>
      describe(`on the page of ${page.name}`, () => {
        let world: WwebjsWorld;
        let client: WwebjsClient;
        let library: Library;

        beforeEach(async () => {
          world = await WwebjsWorld.open(executablePath, page);
          const profile = new Profile(world.authDir, agentRef('restless'));
          const launch = launchOptions({ ...world.options, protocolTimeoutMs: 20_000 }, executablePath);
          client = new WwebjsClient({
            profile,
            deadlines: DEADLINES,
            preparePage: () => Promise.resolve(),
            open: async (events) => {
              library = await openLibrary(profile.dir, { puppeteer: launch, userAgent: undefined }, events);
              return library;
            },
            onFault: world.options.onFault,
            onEnd: () => undefined,
          });
          await world.link(client, BOT);
        });
        afterEach(async () => {
          await client.destroy();
          await world.close();
        });

        /** Reloads the page from inside. */
        const reloads = (): Promise<unknown> =>
          library.client.pupPage!.reload().catch((error: unknown) => error);

        /** Checks that each message is received once. */
        async function receivesOnce(): Promise<void> {
          const bodies: string[] = [];
          const last = new Promise<void>((resolve) => {
            client.events.on('message', ({ body }) => {
              bodies.push(body);
              if (body === 'last') resolve();
            });
          });
          for (const text of ['still there?', 'last']) world.network.write(ANN, { to: BOT, text });
          await last;
          expect(bodies).to.deep.equal(['still there?', 'last']);
        }

        it('is ready again after a reload, and receives and sends', async () => {
          const ready = next(client, 'ready');
          await reloads();
          expect((await ready).pn).to.equal(BOT);
          await receivesOnce();
          await client.send(ANN, text('yes'));
        });

        it('survives two reloads in a row', async () => {
          const ready = next(client, 'ready');
          await Promise.all([reloads(), reloads()]);
          await ready;
          await receivesOnce();
        });

        it('receives each message once after an iframe was added', async () => {
          await library.client.pupPage!.evaluate(`new Promise((resolve) => {
          const frame = document.createElement('iframe');
          frame.onload = resolve;
          frame.src = '/page/emitter.js';
          document.body.append(frame);
        })`);
          await receivesOnce();
          expect(await client.probe()).to.equal('CONNECTED');
        });

        it('reports only the state OPENING for a page without the library', async () => {
          await library.client.pupPage!.evaluate('void delete window.WWebJS');
          expect(await client.probe()).to.equal('OPENING');
        });

        it('reports a crash when a reloaded page is no longer WhatsApp', async () => {
          // The default is half a minute; the option isn't in the library's types.
          Object.assign((library.client as unknown as { options: object }).options, { authTimeoutMs: 200 });
          const crashed = next(client, 'crash');
          await world.standIn.close();
          await reloads();
          expect(await crashed).to.contain('reloaded page');
        });

        it('leaves nothing when it is destroyed during a reload', async () => {
          const reloading = reloads();
          await client.destroy();
          await reloading;
          expect(browsersOf(world.profileOf('restless'))).to.deep.equal([]);
        });
      }),
    );
  },
);
