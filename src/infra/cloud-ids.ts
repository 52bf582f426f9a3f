// Ids of the Cloud API: its clients keep them, return them, and read nothing from them. They hold ours.

const PREFIX = 'wamid.';
const VISIBLE = /^[\x21-\x7e]{1,256}$/;
const MEDIA_ID = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-(.+)$/i;

/** A message id for clients of the Cloud API: our id of the message, or WhatsApp's, in base64. */
export function wamidOf(id: string): string {
  return PREFIX + Buffer.from(id).toString('base64');
}

/** The id in a `wamid.…`, in base64 of either alphabet, padded or not. Any other text is returned as it is. */
export function idOfWamid(text: string): string {
  if (!text.startsWith(PREFIX)) return text;
  const id = Buffer.from(text.slice(PREFIX.length), 'base64').toString('latin1');
  return VISIBLE.test(id) ? id : text;
}

/** A media id for clients of the Cloud API. Their paths name no agent: the id of the file is followed by its agent's. */
export function mediaIdOf(agentId: string, fileId: string): string {
  return `${fileId}-${agentId}`;
}

/** The file and the agent of a media id; null when it is none. */
export function partsOfMediaId(mediaId: string): { fileId: string; agentId: string } | null {
  const [, fileId, agentId] = MEDIA_ID.exec(mediaId) ?? [];
  return fileId && agentId ? { fileId, agentId } : null;
}

/** An address for clients of the Cloud API: the digits of a number; what has none (a LID, a group) keeps its address. */
export function waIdOf(jid: string): string {
  return jid.replace(/@c\.us$/, '');
}
