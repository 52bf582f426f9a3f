import type { News } from '../../src/sandbox/network/stream.ts';
import './main.css';
import { el, setAttribute, setShown } from '../shared/dom.ts';
import { Actions } from './actions.ts';
import { AgentPhone } from './agent-phone.ts';
import { apply } from './boxes.ts';
import { Caller } from './caller.ts';
import { CustomerPhone } from './customer-phone.ts';
import { follow } from './live.ts';
import { NetworkPanel } from './network-panel.ts';
import { Notice } from './notice.ts';
import { NumbersPanel } from './numbers-panel.ts';
import { ScriptPanel } from './script-panel.ts';
import { type State, Store } from './state.ts';
import { TopBar } from './top-bar.ts';
import { viewSwitch } from './view-switch.ts';
import { welcome } from './welcome.ts';
import { addressOf, lookAt, phoneOf, selectedPhone } from './who.ts';
import { WirePanel } from './wire-panel.ts';

const store = new Store();
const caller = new Caller(store);
const actions = new Actions(store, caller);
const topBar = new TopBar(store, actions);
const agentPhone = new AgentPhone(store, actions);
const customerPhone = new CustomerPhone(store, actions);
const network = new NetworkPanel(store, actions);
const numbers = new NumbersPanel(store, caller);
const wire = new WirePanel(store);
const script = new ScriptPanel(caller);
const first = welcome(actions);
const notice = new Notice(store);
const phones = el('div', { class: 'phones' }, agentPhone.node, customerPhone.node);
const tools = el(
  'div',
  { class: 'tools' },
  el('div', { class: 'column' }, network.node, wire.node),
  el('div', { class: 'column' }, script.node, numbers.node),
);
const views = viewSwitch(store);
const main = el('main', {}, topBar.row, first, views.node, phones, tools);
document.body.append(topBar.banner, main, notice.node);

/** Shows the state on all of the page. */
function show(state: State): void {
  const isEmpty = state.known && state.phones.length === 0;
  topBar.show(state);
  notice.show(state);
  setShown(first, isEmpty);
  setShown(phones, state.known && !isEmpty);
  setShown(tools, state.known && !isEmpty);
  setShown(views.node, state.known && !isEmpty);
  views.show(state);
  setAttribute(main, 'data-view', state.view);
  if (!isEmpty && state.known) {
    agentPhone.show(state);
    customerPhone.show(state);
  }
  network.show(state);
  script.show(state);
  wire.show(state);
  void numbers.show();
  keepAddress(state);
}

/** The address names the agent that is looked at: it can be passed on, and survives a reload. */
function keepAddress({ agentId }: State): void {
  if (agentId === null || new URLSearchParams(location.search).get('agent') === agentId) return;
  history.replaceState(null, '', `?${new URLSearchParams({ agent: agentId })}`);
}

/** Whether a customer's chat is with somebody who is still there, after a reset or another start of the service. */
function exists(state: State, chat: string | null): boolean {
  return chat !== null && (phoneOf(state, chat) !== undefined || state.groups.some(({ id }) => id === chat));
}

/** Folds news in; the agent that was linked meanwhile is ready to be written to. */
function onNews(news: News): void {
  store.change((state) => {
    const before = selectedPhone(state)?.linked ?? false;
    apply(state, news);
    state.clockAhead = news.at - Date.now();
    if (!selectedPhone(state)) lookAt(state, state.phones[0]?.agentId ?? null);
    const phone = selectedPhone(state);
    const partner = state.customerChat && phoneOf(state, state.customerChat);
    // Its address may have become another.
    if (partner) state.customerChat = addressOf(partner) ?? state.customerChat;
    if (news.fresh && !exists(state, state.customerChat)) state.customerChat = null;
    if (phone?.linked && !before) {
      Object.assign(state, { botTab: 'chats', view: 'customer' });
      state.customerChat ??= addressOf(phone);
    } else if (before && !phone?.linked)
      Object.assign(state, { botTab: 'devices', botChat: null, view: 'agent' });
  });
}

store.state.agentId = new URLSearchParams(location.search).get('agent');
store.onChange(show);
document.addEventListener('visibilitychange', () => store.change(() => undefined));
follow(onNews, (isLive) =>
  store.change((state) => {
    state.connection = isLive ? 'live' : 'reconnecting';
  }),
);
store.change(() => undefined);
