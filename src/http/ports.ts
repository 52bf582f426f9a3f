import type { Router } from 'express';
import type { Logger } from 'pino';
import type { GatewayApi } from '../actors/domain/gateway-api.ts';
import type { Jid } from '../actors/domain/identity.ts';
import type { ImageFile } from '../actors/domain/ports/whatsapp.ts';
import type { IdempotencyStore } from './idempotency-store.ts';

// What the HTTP edge needs of the outside, besides the actors. `infra/` implements it, `app.ts` hands it in.

/** An image that was checked and written to a file of this service. */
export type StoredImage = ImageFile;

/** What the caller claims about an image; the bytes decide, these only name it. */
interface ImageClaim {
  mimetype?: string;
  filename?: string;
}

/**
 * Turns what a caller sends into a stored image of at most 10·1024·1024 bytes, sniffed by its bytes (SPEC §9).
 * Errors: `MEDIA_TOO_LARGE`, `UNSUPPORTED_MEDIA_TYPE`, `INVALID_PAYLOAD` (not base64), and for URLs
 * `MEDIA_URL_BLOCKED`, `MEDIA_FETCH_FAILED`. A call that rejects leaves no file behind.
 */
export interface MediaSource {
  /** `data` is plain base64 or a `data:` URL. */
  fromBase64(data: string, claim: ImageClaim): Promise<StoredImage>;
  /** `onBytes` is told of each piece as it comes in, and may throw: then nothing more is read. */
  fromUrl(url: string, claim: ImageClaim, onBytes?: (bytes: number) => void): Promise<StoredImage>;
  /** Copies the image into `TEMP_DIR` and gives the copy's path. */
  preview(image: StoredImage): Promise<string>;
  /** Deletes the stored file: it will not be sent. Never rejects, safe to repeat. */
  discard(image: StoredImage): Promise<void>;
}

/**
 * A number or JID as callers write it, to the one form of SPEC §4; national numbers count as `defaultCountry`'s.
 * @throws Error (any) when it is none of the accepted forms.
 */
type ParseJid = (text: string, defaultCountry: string) => Jid;

/** One finished request, for metrics: `route` is the pattern (`/agents/:agentId/run`), never the raw path. */
export interface HttpObserver {
  onStart(): void;
  onRequest(route: string, method: string, status: number, seconds: number): void;
  onIdempotency(outcome: 'new' | 'replayed' | 'in_flight' | 'mismatch'): void;
}

/** The settings that HTTP reads; a subset of the configuration (SPEC §2). */
export interface HttpSettings {
  HOST: string;
  APP_BASE_URL: string;
  CORS_ORIGINS: string[];
  /** How many proxies are in front, or their addresses and networks: their `X-Forwarded-*` are believed. */
  TRUST_PROXY?: number | string[];
  DEFAULT_COUNTRY: string;
  SEND_RATE_PER_MINUTE: number;
  SESSIONS_TOKEN?: string | undefined;
  /** How many agents there may be at most. */
  MAX_SESSIONS: number;
  /** Megabytes of bodies and fetched images that may be in memory at once. */
  UPLOAD_BUDGET_MB: number;
  WHATSAPP_DRIVER?: string;
}

/** What tells a service that is not the real thing from it. */
export interface Edition {
  /** On every answer. */
  headers: Record<string, string>;
  /** Shown on the page of the documentation. */
  notice: string;
  /** Further OpenAPI documents for that page. */
  documents: { name: string; url: string }[];
}

/** Routes below a path; `guarded` ones want `SESSIONS_TOKEN` when it is set. */
export interface ExtraRouter {
  path: string;
  router: Router;
  guarded?: boolean;
}

/** Everything `createHttpApp` is given. */
export interface HttpDeps {
  settings: HttpSettings;
  system: GatewayApi;
  media: MediaSource;
  idempotency: IdempotencyStore;
  parseJid: ParseJid;
  /**
   * The state of each dependency by name (`database`, `service`, …), within a few seconds; anything but `ok`
   * makes `/readyz` a 503 that shows it, so it holds no secret.
   */
  readiness(): Promise<Record<string, string>>;
  /** The Prometheus exposition and its content type. */
  metricsText(): Promise<{ contentType: string; body: string }>;
  logger: Logger;
  observer?: HttpObserver;
  /** Aborted when the service begins to stop: event streams end, so that they don't hold the drain. */
  stopping?: AbortSignal;
  edition?: Edition;
  /** Pages and APIs of others, after the service's own routes, with a content policy for pages. */
  extraRouters?: ExtraRouter[];
}
