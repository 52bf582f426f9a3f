import { pageError } from './page-error.js';
import { switches } from './switches.js';

// The line to the simulated WhatsApp: events come over a stream, one device for each; calls go by POST.

const EVENTS = [
  ...['keys', 'ref', 'paired', 'opened', 'state', 'loggedOut', 'closed', 'passkey', 'notice', 'restriction'],
  ...['people', 'message', 'ack', 'edited', 'typing', 'reaction', 'call'],
];
let session = '';
let stream = null;

/** Opens a device with the token, and closes a former one; `onEvent` receives its events. */
export function connect(token, onEvent) {
  disconnect();
  session = crypto.randomUUID();
  stream = new EventSource(`/events?${new URLSearchParams({ session, token: token ?? '' })}`);
  for (const name of EVENTS) stream.addEventListener(name, (event) => onEvent(name, JSON.parse(event.data)));
  stream.addEventListener('freeze', hang);
  stream.addEventListener('switches', (event) => Object.assign(switches, JSON.parse(event.data)));
  // A stream that reconnects by itself would open a second device.
  stream.addEventListener('error', disconnect);
}

/** Closes the device. */
export function disconnect() {
  stream?.close();
  stream = null;
}

/** Hangs the page's only thread, as a frozen renderer does, until the network thaws it. */
function hang() {
  const request = new XMLHttpRequest();
  request.open('GET', `/stall?session=${session}`, false);
  try {
    request.send();
  } catch {
    // The network is gone: nothing freezes the page any more.
  }
}

/** Calls a method of the device. Throws with the network's own words. */
export async function call(method, params = {}) {
  const response = await fetch(`/rpc?session=${session}`, {
    method: 'POST',
    body: JSON.stringify({ method, ...params }),
  });
  const answer = await response.json();
  if (answer.error) throw pageError(answer.error);
  return answer.result;
}

/** Uploads a media file to the network; returns its path. */
export async function upload(blob) {
  const response = await fetch(`/upload?session=${session}`, { method: 'POST', body: blob });
  return (await response.json()).result;
}
