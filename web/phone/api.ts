import type { Command } from './state.ts';

/** What the service said no with. */
export class ApiError extends Error {
  readonly code: string;
  readonly status: number;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** One call as the page makes it. */
export interface Call {
  method: 'GET' | 'POST';
  path: string;
  body?: object;
  /** Bearer key. */
  key?: string;
}

/** An agent to be created; `apiKey` is the key that its back end calls with. */
export interface AgentSpec {
  userId: number;
  agentId: string;
  agentName: string;
  apiKey: string;
}

/** A word that a POSIX shell takes as it is. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The same call for a shell. */
export function curlOf({ method, path, body, key }: Call, origin: string): string {
  const parts = ['curl'];
  if (method === 'POST') parts.push('-X POST');
  parts.push(quoted(`${origin}${path}`));
  if (key !== undefined) parts.push(`-H ${quoted(`Authorization: Bearer ${key}`)}`);
  if (body)
    parts.push(`-H ${quoted('Content-Type: application/json')}`, `-d ${quoted(JSON.stringify(body))}`);
  return parts.join(' ');
}

/**
 * Makes a call and gives its parsed answer.
 * @throws ApiError with the service's code, or `UNREACHABLE` when no answer came
 */
export async function send({ method, path, body, key }: Call): Promise<unknown> {
  const headers: Record<string, string> = {};
  if (body) headers['Content-Type'] = 'application/json';
  if (key !== undefined) headers.Authorization = `Bearer ${key}`;
  const init = { method, headers, ...(body && { body: JSON.stringify(body) }) };
  const response = await fetch(path, init).catch(() => {
    throw new ApiError(0, 'UNREACHABLE', 'The service does not answer.');
  });
  const answer: unknown = await response.json().catch(() => null);
  if (response.ok) return answer;
  const { error } = (answer ?? {}) as { error?: { code?: string; message?: string } };
  throw new ApiError(
    response.status,
    error?.code ?? String(response.status),
    error?.message ?? response.statusText,
  );
}

/** The commands with another one as the newest; an older one with the same label goes, or keeps its place if `quiet`. */
export function withCommand(commands: Command[], command: Command, quiet: boolean): Command[] {
  const at = commands.findIndex(({ label }) => label === command.label);
  if (at >= 0 && quiet) return commands.with(at, command);
  const others = commands.filter(({ label }) => label !== command.label);
  return quiet ? [command, ...others] : [...others, command];
}
