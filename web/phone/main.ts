import type { News } from '../../src/sandbox/control-api/news.ts';
import './main.css';
import { el, setAttribute, setShown } from '../shared/dom.ts';
import { Actions } from './actions.ts';
import { AgentPhone } from './agent-phone.ts';
import { Caller } from './caller.ts';
import { apply } from './chats.ts';
import { addressOf, phoneOf, selectAgent, selectedPhone } from './contacts.ts';
import { CustomerPhone } from './customer-phone.ts';
import { NetworkPanel } from './network-panel.ts';
import { follow } from './news-stream.ts';
import { Notice } from './notice.ts';
import { NumbersPanel } from './numbers-panel.ts';
import { ScriptPanel } from './script-panel.ts';
import { type State, Store } from './state.ts';
import { TopBar } from './top-bar.ts';
import { viewSwitch } from './view-switch.ts';
import { welcome } from './welcome.ts';
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

/** Renders the state. */
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
  updateAddress(state);
}

/** Keeps the selected agent in the address, so that it can be shared and survives a reload. */
function updateAddress({ agentId }: State): void {
  if (agentId === null || new URLSearchParams(location.search).get('agent') === agentId) return;
  history.replaceState(null, '', `?${new URLSearchParams({ agent: agentId })}`);
}

/** Whether the other side of a chat still exists, after a reset or a restart of the service. */
function exists(state: State, chat: string | null): boolean {
  return chat !== null && (phoneOf(state, chat) !== undefined || state.groups.some(({ id }) => id === chat));
}

/** Applies an update; opens the chat with an agent that was just linked. */
function onNews(news: News): void {
  store.change((state) => {
    const before = selectedPhone(state)?.linked ?? false;
    apply(state, news);
    state.clockAhead = news.at - Date.now();
    if (!selectedPhone(state)) selectAgent(state, state.phones[0]?.agentId ?? null);
    const phone = selectedPhone(state);
    const partner = state.customerChat && phoneOf(state, state.customerChat);
    // Its address may have changed.
    if (partner) state.customerChat = addressOf(partner) ?? state.customerChat;
    if (news.fresh && !exists(state, state.customerChat)) state.customerChat = null;
    if (phone?.linked && !before) {
      Object.assign(state, { agentTab: 'chats', view: 'customer' });
      state.customerChat ??= addressOf(phone);
    } else if (before && !phone?.linked)
      Object.assign(state, { agentTab: 'devices', agentChat: null, view: 'agent' });
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
