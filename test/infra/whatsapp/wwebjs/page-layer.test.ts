import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { expect } from 'chai';
import { BINDINGS } from '../../../../src/infra/whatsapp/wwebjs/page/bindings.ts';
import { pageScript } from '../../../../src/infra/whatsapp/wwebjs/page/script.ts';

const FOLDER = new URL('../../../../src/infra/whatsapp/wwebjs/page/', import.meta.url);
const NAMED = /\b(?:find|use|invoke|ifThere)\(\s*[`'](WA[\w.]*)|'(WAWeb\w+\.\w+(?:\.\w+)*)'/g;

/** The scripts of the page layer, by name. */
const scripts = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.js'))
  .map((name) => ({ name, text: readFileSync(new URL(name, FOLDER), 'utf8') }));

/** The installed library's code. */
function librarySource(): string {
  const root = dirname(createRequire(import.meta.url).resolve('whatsapp-web.js/package.json'));
  return readdirSync(`${root}/src`, { recursive: true })
    .filter((name) => String(name).endsWith('.js'))
    .map((name) => readFileSync(`${root}/src/${name}`, 'utf8'))
    .join('\n');
}

describe('the bindings of the page layer', () => {
  const declared = new Set(BINDINGS.map(({ name }) => name));

  it('are all declared: the scripts use no others', () => {
    const used = scripts.flatMap(({ text }) =>
      [...text.matchAll(NAMED)].map(([, name, mapped]) => (name ?? mapped)!.replace(/\.$/, '')),
    );
    expect(used.length).to.be.greaterThan(25);
    const known = (name: string) => [...declared].some((one) => one === name || one.startsWith(`${name}.`));
    expect(used.filter((name) => !known(name))).to.deep.equal([]);
  });

  it('are all used, by our scripts or by the library', () => {
    const text = scripts.map((script) => script.text).join('\n') + librarySource();
    const idle = [...declared].filter((name) => {
      const [module, ...path] = name.split('.');
      return !text.includes(module!) || !path.every((part) => text.includes(part));
    });
    expect(idle).to.deep.equal([]);
  });

  it('are reached in one place', () => {
    const reaching = scripts.filter(({ text }) => /window\.require\b|\brequire\(/.test(text));
    expect(reaching.map(({ name }) => name)).to.deep.equal(['core.js']);
  });

  it('are named once each', () => {
    expect(declared.size).to.equal(BINDINGS.length);
  });
});

/** A page with only a module loader, as the repairs need it. */
async function pageWith(modules: Record<string, unknown>, debug?: { VERSION: string }) {
  const window: Record<string, unknown> = {
    require: (name: string) => {
      if (name in modules) return modules[name];
      throw new Error(`Requiring unknown module "${name}"`);
    },
    Debug: debug,
    gatewayReport: async () => undefined,
  };
  window.top = window;
  const context = createContext({
    window,
    navigator: {},
    document: { querySelector: () => null, querySelectorAll: () => [] },
    console: { warn: () => undefined },
    // The layer's own watch is not tested here.
    setTimeout: () => 0,
  });
  runInContext(await pageScript(), context);
  const { run } = window.gatewayPage as { run(name: string): Promise<{ value: unknown }> };
  return { window, modules, repair: async () => [...((await run('repair')).value as string[])] };
}

/** A message key as the page creates it, with its text under a name. */
function keyClass(textName: string) {
  return class MsgKey {
    [property: string]: unknown;

    constructor(fromMe: boolean, remote: string, id: string) {
      Object.assign(this, { fromMe, remote, id });
      // An assignment, as the page's own code does it.
      this[textName] = `${fromMe}_${remote}_${id}`;
    }

    static fromString(text: string) {
      const [fromMe, remote, id] = text.split('_');
      return new MsgKey(fromMe === 'true', remote!, id!);
    }

    toString() {
      return `${this.fromMe}_${this.remote}_${this.id}`;
    }
  };
}

/** The part of an object that reaches the service: own enumerable data. */
const crossing = (value: object) => JSON.parse(JSON.stringify({ ...value })) as Record<string, unknown>;

describe('the repairs of the page layer', () => {
  const debug = { VERSION: '2.3000.1' };

  it('do nothing on a page without faults', async () => {
    const WAWebMsgKey = keyClass('_serialized');
    const addAndSendMsgToChat = () => [];
    const page = await pageWith(
      { WAWebMsgKey, WAWebSendMsgChatAction: { addAndSendMsgToChat }, WAWebCmd: { Cmd: { refreshQR() {} } } },
      debug,
    );
    expect(await page.repair()).to.deep.equal([]);
    expect(Object.getOwnPropertyNames(WAWebMsgKey.prototype)).to.not.include('_serialized');
    expect(page.window.Debug).to.equal(debug);
  });

  it('restore the text of message keys created before and after, however often they run', async () => {
    const WAWebMsgKey = keyClass('$1');
    const page = await pageWith({}, debug);
    const before = new WAWebMsgKey(true, '1@c.us', 'A');
    page.modules.WAWebMsgKey = WAWebMsgKey;
    expect(await page.repair()).to.deep.equal(['message-key']);
    expect(await page.repair()).to.deep.equal(['message-key']);
    const after = new WAWebMsgKey(false, '2@c.us', 'B');
    expect(before._serialized).to.equal('true_1@c.us_A');
    expect(after._serialized).to.equal('false_2@c.us_B');
    expect(after.$1).to.equal('false_2@c.us_B');
    expect(crossing(after)).to.include({ _serialized: 'false_2@c.us_B' });
  });

  it('remove the id of a medium from the data of its message', async () => {
    const handed: object[] = [];
    const action = {
      addAndSendMsgToChat(_chat: unknown, data: object) {
        handed.push(data);
      },
    };
    const page = await pageWith({ WAWebSendMsgChatAction: action }, debug);
    expect(await page.repair()).to.deep.equal([]);
    action.addAndSendMsgToChat({}, { id: 'text' });
    expect(await page.repair()).to.deep.equal([]);
    action.addAndSendMsgToChat({}, { id: 'image', __x_id: 'of the medium' });
    expect(handed).to.deep.equal([{ id: 'text' }, { id: 'image' }]);
    expect(await page.repair()).to.deep.equal(['media-id']);
  });

  it('restore the call for a new QR', async () => {
    const calls: string[] = [];
    const Cmd: { refreshQR?(): void } = {};
    const refreshQR = () => calls.push('moved');
    const page = await pageWith({ WAWebCmd: { Cmd }, WAWebLaunchSocketUtils: { refreshQR } }, debug);
    expect(await page.repair()).to.deep.equal(['refresh-qr']);
    expect(await page.repair()).to.deep.equal(['refresh-qr']);
    Cmd.refreshQR?.();
    expect(calls).to.deep.equal(['moved']);
  });

  it('provide the version where the library waits for it', async () => {
    const page = await pageWith({ WAWebUpdaterVersion: { VERSION_STR: '2.3000.1049220475' } });
    expect(await page.repair()).to.deep.equal(['debug-version']);
    expect(page.window.Debug).to.deep.equal({ VERSION: '2.3000.1049220475' });
  });
});

describe('the page layer', () => {
  it('listens for messages although the page does not let its reactions be watched', async () => {
    const listened: string[] = [];
    const reported: string[] = [];
    const emitter = { on: (name: string) => void listened.push(name), getModelsArray: () => [] };
    const { window } = await pageWith({
      WAWebCollections: { Msg: emitter },
      WAWebSocketModel: { Socket: emitter },
      WAWebAddonReactionTableMode: { reactionTableMode: Object.freeze({ bulkUpsert: () => undefined }) },
    });
    window.gatewayReport = async (name: string, { where }: { where: string }) =>
      void reported.push(`${name} ${where}`);
    const { run } = window.gatewayPage as { run(name: string): Promise<{ value: unknown }> };
    expect((await run('listen')).value).to.equal(null);
    expect(listened).to.include.members(['change:state', 'add', 'change:ack']);
    expect(reported).to.deep.equal(['failed signals']);
  });
});
