import { setAttribute, setShown, setText } from '../shared/dom.ts';
import type { Detail } from './api.ts';
import { byId } from './page.ts';
import { secondsUntil, serviceNow, span } from './time.ts';
import { pageWords, pathText, reasonWords, restrictionWords, situation, statusText } from './words.ts';

/** Shows what is to be said of an agent besides its charts: why it is there, and whether its mailbox moves. */
export function showFacts(agent: Detail): void {
  const { agentId, agentName, status, reason, mailbox, supervisor } = agent;
  setText(byId('agent-name'), agentName === agentId ? agentId : `${agentId} · ${agentName}`);
  setText(byId('agent-state'), statusText(status));
  setAttribute(byId('agent-state'), 'data-status', status);
  setText(byId('words'), situation(agent));
  setShown(byId('reason'), reason !== null);
  setText(byId('reason'), reason === null ? '' : `${reasonWords(reason)} (${reason})`);
  showLine('last-error', supervisor.lastError ?? '');
  showLine('whatsapp-web', pageWords(agent));
  showLine('restriction', restrictionWords(agent));
  setText(byId('restarts'), String(supervisor.restarts));
  setText(byId('depth'), String(mailbox.depth));
  setText(byId('capacity'), `of ${mailbox.capacity}`);
  setText(byId('tokens'), String(Math.floor(mailbox.tokens)));
  setAttribute(byId('mailbox-bar'), 'max', mailbox.capacity);
  setAttribute(byId('mailbox-bar'), 'value', mailbox.depth);
  showQr(agent);
  tickFacts(agent);
}

/** A line with a heading of its own, which is hidden while it is empty. */
function showLine(id: string, text: string): void {
  setShown(byId(id), text !== '');
  setText(byId(id).querySelector('span')!, text);
}

/** The paths beside the headings of the charts. */
export function showPaths(agent: readonly string[], supervisor: readonly string[]): void {
  setText(byId('agent-where'), pathText(agent));
  setText(byId('supervisor-where'), pathText(supervisor));
}

/** Lets the times of an agent go on: how long it has been there, the backoff, the QR. */
export function tickFacts({ since, supervisor, qr }: Detail): void {
  setText(byId('since'), span(serviceNow() - Date.parse(since)));
  const { nextStartAt } = supervisor;
  setShown(byId('countdown'), nextStartAt !== undefined);
  if (nextStartAt !== undefined)
    setText(byId('countdown'), `Next start in ${span(secondsUntil(nextStartAt) * 1_000)}.`);
  const left = qr?.expiresAt ? `A new one comes within ${secondsUntil(qr.expiresAt)} s.` : '';
  setText(byId('qr-left'), left);
}

/** The QR of this moment, or none. */
function showQr({ agentId, qr }: Detail): void {
  setShown(byId('qr'), qr !== null);
  const image = qr && `/sessions/${encodeURIComponent(agentId)}/qr?of=${Date.parse(qr.issuedAt)}`;
  setAttribute(byId('qr-image'), 'src', image ?? undefined);
  setAttribute(byId('qr-sandbox'), 'href', `/sandbox/phone?agent=${encodeURIComponent(agentId)}`);
}
