import type { GatewayApi } from '../../actors/domain/gateway-api.ts';
import type { Scheduler } from '../../actors/domain/ports/clock.ts';
import type { WhatsAppDriver } from '../../actors/domain/ports/whatsapp.ts';
import type { Edition, ExtraRouter } from '../../http/ports.ts';

/** The parts of the running service that a backend's pages and APIs may use. */
export interface BackendContext {
  system: GatewayApi;
  /** Aborted when the service begins to stop. */
  stopping: AbortSignal;
  /** Forgets which incoming messages were handled: their ids count as new. */
  forgetInbound(): Promise<void>;
}

/** What differs between the real WhatsApp and the simulated one. */
export interface WhatsAppBackend {
  driver: WhatsAppDriver;
  /** The time of the actors and of the AI calls: the host's, or one that can be advanced. */
  clock: Scheduler;
  /** An id for the next message, in WhatsApp's format. */
  newStanzaId(agentId: string): string;
  /** Marks of a service that is not the real one. */
  edition?: Edition;
  /** The AI backend of agents without a URL of their own. */
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
