import type { Command } from './state.ts';

/** An error response of the service. */
export class ApiError extends Error {
  readonly code: string;
  readonly status: number;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** One call of the API. */
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

/** Text quoted for a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The call as a cURL command. */
export function curlOf({ method, path, body, key }: Call, origin: string): string {
  const parts = ['curl'];
  if (method === 'POST') parts.push('-X POST');
  parts.push(quoted(`${origin}${path}`));
  if (key !== undefined) parts.push(`-H ${quoted(`Authorization: Bearer ${key}`)}`);
  if (body)
    parts.push(`-H ${quoted('Content-Type: application/json')}`, `-d ${quoted(JSON.stringify(body))}`);
  return parts.join(' ');
}

/** The error of a response; empty when it isn't one of the service. */
function errorIn(answer: unknown): {
  code?: string;
  message?: string;
  details?: { path: string; message: string }[] | object;
} {
  return (answer as { error?: object } | null)?.error ?? {};
}

/**
 * Makes a call and returns its parsed response.
 * @throws ApiError with the service's code, or `UNREACHABLE` without a response
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
  const { code = String(response.status), message = response.statusText, details } = errorIn(answer);
  const issues = Array.isArray(details) ? details.map((issue) => `${issue.path} ${issue.message}`) : [];
  throw new ApiError(response.status, code, issues.join('; ') || message);
}

/** Adds a command as the newest, replacing one with the same label; a `quiet` one keeps that one's place. */
export function withCommand(commands: Command[], command: Command, quiet: boolean): Command[] {
  const at = commands.findIndex(({ label }) => label === command.label);
  if (at >= 0 && quiet) return commands.with(at, command);
  const others = commands.filter(({ label }) => label !== command.label);
  return quiet ? [command, ...others] : [...others, command];
}
