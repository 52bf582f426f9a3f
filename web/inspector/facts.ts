import { setAttribute, setShown, setText } from '../shared/dom.ts';
import type { Detail } from './inspector-api.ts';
import { byId } from './page.ts';
import {
  pageText,
  pathText,
  reasonText,
  restrictionText,
  settingsText,
  situationText,
  statusText,
  whoAnswersText,
} from './texts.ts';
import { secondsUntil, serviceNow, span } from './time.ts';

/** Shows an agent's facts: status and reason, mailbox, restarts, QR. */
export function showFacts(agent: Detail): void {
  const { agentId, agentName, status, reason, mailbox, supervisor } = agent;
  setText(byId('agent-name'), agentName === agentId ? agentId : `${agentId} · ${agentName}`);
  setText(byId('agent-state'), statusText(status));
  setAttribute(byId('agent-state'), 'data-status', status);
  setText(byId('words'), situationText(agent));
  setShown(byId('reason'), reason !== null);
  setText(byId('reason'), reason === null ? '' : `${reasonText(reason)} (${reason})`);
  showLine('last-error', supervisor.lastError ?? '');
  showLine('whatsapp-web', pageText(agent));
  showLine('restriction', restrictionText(agent));
  showLine('who-answers', whoAnswersText(agent));
  showLine('settings', settingsText(agent));
  setText(byId('restarts'), String(supervisor.restarts));
  setText(byId('depth'), String(mailbox.depth));
  setText(byId('capacity'), `of ${mailbox.capacity}`);
  setText(byId('tokens'), String(Math.floor(mailbox.tokens)));
  setAttribute(byId('mailbox-bar'), 'max', mailbox.capacity);
  setAttribute(byId('mailbox-bar'), 'value', mailbox.depth);
  showQr(agent);
  tickFacts(agent);
}

/** Shows a line with a heading; hides it when empty. */
function showLine(id: string, text: string): void {
  setShown(byId(id), text !== '');
  setText(byId(id).querySelector('span')!, text);
}

/** Shows the paths beside the headings of the charts. */
export function showPaths(agent: readonly string[], supervisor: readonly string[]): void {
  setText(byId('agent-where'), pathText(agent));
  setText(byId('supervisor-where'), pathText(supervisor));
}

/** Updates an agent's times: in this state, until the next start, until the next QR. */
export function tickFacts({ since, supervisor, qr }: Detail): void {
  setText(byId('since'), span(serviceNow() - Date.parse(since)));
  const { nextStartAt } = supervisor;
  setShown(byId('countdown'), nextStartAt !== undefined);
  if (nextStartAt !== undefined)
    setText(byId('countdown'), `Next start in ${span(secondsUntil(nextStartAt) * 1_000)}.`);
  const left = qr?.expiresAt ? `A new one follows within ${secondsUntil(qr.expiresAt)} s.` : '';
  setText(byId('qr-left'), left);
}

/** Shows the current QR, or none. */
function showQr({ agentId, qr }: Detail): void {
  setShown(byId('qr'), qr !== null);
  const image = qr && `/sessions/${encodeURIComponent(agentId)}/qr?of=${Date.parse(qr.issuedAt)}`;
  setAttribute(byId('qr-image'), 'src', image ?? undefined);
  setAttribute(byId('qr-sandbox'), 'href', `/sandbox/phone?agent=${encodeURIComponent(agentId)}`);
}
