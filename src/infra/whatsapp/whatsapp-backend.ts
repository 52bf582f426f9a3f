import type { GatewayApi } from '../../actors/domain/gateway-api.ts';
import type { Scheduler } from '../../actors/domain/ports/clock.ts';
import type { WhatsAppDriver } from '../../actors/domain/ports/whatsapp.ts';
import type { Edition, ExtraRouter } from '../../http/ports.ts';

/** The parts of the running service that a backend's pages and APIs may use. */
export interface BackendContext {
  system: GatewayApi;
  /** Aborted when the service begins to stop. */
  stopping: AbortSignal;
  /** Forgets which incoming messages were handled: ids that come again are new. */
  forgetInbound(): Promise<void>;
}

/** What differs between the real WhatsApp and the simulated one. */
export interface WhatsAppBackend {
  driver: WhatsAppDriver;
  /** The time of the actors and of the AI calls: the host's, or one that can be moved on. */
  clock: Scheduler;
  /** An id for a message to come, of WhatsApp's own shape. */
  newStanzaId(agentId: string): string;
  /** What marks the service as not the real thing. */
  edition?: Edition;
  /** Where agents without an AI URL of their own are answered. */
  aiBackendUrl: string | undefined;
  /** Pages and control API that come with it, once the actors exist. */
  routers(context: BackendContext): ExtraRouter[];
  close(): Promise<void>;
}

/** Receives errors that no caller gets, and notices for the operator. */
export interface BackendReports {
  onFault(where: string, error: unknown): void;
  onNotice(text: string): void;
}
