import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isSupportedCountry } from 'libphonenumber-js/max';
import { z } from 'zod';
import { AI_MEDIA } from '../actors/domain/settings.ts';
import {
  baseUrl,
  bearerToken,
  bindAddress,
  callerOrigins,
  endpointUrl,
  fetchOrigins,
  inboundTypes,
  trustedProxies,
} from './config-fields.ts';
import { zodErrorMap } from './zod-error-map.ts';

// The only reader of the environment. All faults are listed at once.

const integer = (fallback: number, min = 1, max = 2_147_483_647) =>
  z.coerce.number().int().min(min).max(max).default(fallback);

const schema = z
  .object({
    PORT: integer(3000, 0, 65_535),
    HOST: bindAddress.default('127.0.0.1'),
    APP_BASE_URL: baseUrl.optional(),
    AI_BACKEND_URL: baseUrl.optional(),
    AI_TIMEOUT_MS: integer(60_000),
    CORS_ORIGINS: callerOrigins,
    TRUST_PROXY: trustedProxies,
    TEMP_DIR: z.string().min(1).default('/tmp/wwebjs'),
    WWEBJS_AUTH_DIR: z.string().min(1).default('.wwebjs_auth'),
    DB_URL: z
      .url({ protocol: /^postgres(ql)?$/, error: 'must be a URL that begins with postgres://' })
      .optional(),
    DATA_DIR: z.string().min(1).default('./data'),
    WHATSAPP_DRIVER: z.enum(['wwebjs', 'sandbox']).default('wwebjs'),
    SANDBOX_URL: baseUrl.optional(),
    WHATSAPP_WEB_VERSION: z
      .string()
      .regex(/^\d+(\.\d+)+(-alpha)?$/, 'must be a build of WhatsApp Web, such as 2.3000.1043220887')
      .optional(),
    WHATSAPP_WEB_DIR: z.string().min(1).default('./whatsapp-web'),
    PUPPETEER_EXECUTABLE_PATH: z.string().min(1).optional(),
    CHROMIUM_ARGS: z
      .string()
      .default('')
      .transform((text) => text.split(/\s+/).filter(Boolean)),
    CHROMIUM_MEMORY_LIMIT_MB: integer(0, 0),
    CHROMIUM_SANDBOX: z.enum(['auto', 'on', 'off']).default('auto'),
    MEDIA_ALLOWED_ORIGINS: fetchOrigins,
    WEBHOOK_ALLOWED_ORIGINS: fetchOrigins,
    WEBHOOK_RETRY_BASE_MS: integer(1_000),
    WEBHOOK_RETRY_MAX_MS: integer(3_600_000),
    WEBHOOK_GIVE_UP_MS: integer(259_200_000),
    FFMPEG_PATH: z.string().min(1).default('ffmpeg'),
    FILES_TTL_HOURS: integer(24, 1, 87_600),
    FILES_MAX_MB: integer(2_048),
    DEVELOPER_NUMBER: z
      .string()
      .regex(/^\d{8,15}$/, 'must be 8 to 15 digits, without +')
      .default('62895619356936'),
    DEFAULT_COUNTRY: z
      .string()
      .regex(/^[A-Z]{2}$/, { error: 'must be two capital letters, such as ID', abort: true })
      .refine(isSupportedCountry, 'is not a country with phone numbers')
      .default('ID'),
    SEND_RATE_PER_MINUTE: integer(100),
    SEND_BURST: integer(100),
    MAILBOX_CAPACITY: integer(500),
    SEND_WAIT_MS: integer(30_000, 0),
    SEND_TIMEOUT_MS: integer(30_000),
    MESSAGE_TTL_MS: integer(3_600_000),
    QR_WAIT_MS: integer(30_000, 0),
    START_CONCURRENCY: integer(2),
    SESSIONS_TOKEN: bearerToken.optional(),
    MAX_SESSIONS: integer(200),
    // At the minimum, the half that one agent may use still holds the largest body.
    UPLOAD_BUDGET_MB: integer(128, 64),
    MCP_WRITE: z
      .enum(['true', 'false'])
      .default('false')
      .transform((word) => word === 'true'),
    LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
    SHUTDOWN_GRACE_MS: integer(30_000),
    AI_CONCURRENCY: integer(4),
    AI_INBOUND_TYPES: inboundTypes,
    AI_MEDIA: z.enum(AI_MEDIA).default('url'),
    AI_DEBOUNCE_MS: integer(0, 0, 60_000),
    AI_DEBOUNCE_MAX_MS: integer(30_000, 0, 300_000),
    HANDOVER_MINUTES: integer(0, 0, 43_200),
    STT_URL: endpointUrl.optional(),
    STT_API_KEY: bearerToken.optional(),
    STT_MODEL: z
      .string()
      .regex(/^[\x21-\x7e]{1,200}$/, 'must be a name without blanks')
      .default('whisper-1'),
    STT_LANGUAGE: z
      .string()
      .regex(/^[a-z]{2,3}$/, 'must be the code of a language, such as id')
      .optional(),
    QR_MAX_REFRESHES: integer(15),
    /** Node's own; read here because the sandbox refuses `production`. */
    NODE_ENV: z.string().optional(),
  })
  .superRefine(({ WHATSAPP_WEB_VERSION: version, WHATSAPP_WEB_DIR: dir }, context) => {
    if (version === undefined || existsSync(join(dir, `${version}.html`))) return;
    const message = `is not in WHATSAPP_WEB_DIR: there is no file ${version}.html`;
    context.addIssue({ code: 'custom', path: ['WHATSAPP_WEB_VERSION'], message });
  })
  .transform((env) => ({ ...env, APP_BASE_URL: env.APP_BASE_URL ?? `http://localhost:${env.PORT}` }));

/** The configuration, parsed and with its defaults. */
export type Config = z.infer<typeof schema>;

/** Reads a `.env` file of the working directory, if there is one; what is set already wins. */
export function loadEnvFile(): void {
  if (existsSync('.env')) process.loadEnvFile('.env');
}

const CHILD_VARIABLES = [
  'PATH',
  'HOME',
  'LANG',
  'LC_ALL',
  'TZ',
  'TMPDIR',
  'XDG_RUNTIME_DIR',
  'FONTCONFIG_PATH',
];

/** The environment of child processes: paths and locale, none of our settings. */
export function childEnvironment(env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  return Object.fromEntries(CHILD_VARIABLES.flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
}

/** Thrown by `readConfig`; `faults` holds one line per bad variable, never its value. */
export class ConfigError extends Error {
  readonly faults: string[];

  constructor(faults: string[]) {
    super(`Configuration is not usable:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

/**
 * Reads and checks the environment; an empty variable counts as unset.
 * @throws ConfigError listing every fault.
 */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const set = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = schema.safeParse(set, { error: zodErrorMap });
  if (parsed.success) return parsed.data;
  throw new ConfigError(parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`));
}
