// The part of autocannon that the benchmark uses; the package brings no types.
declare module 'autocannon' {
  export interface Request {
    method: 'POST';
    path: string;
    headers: Record<string, string>;
    body: string;
  }
  export interface Client {
    setRequests(requests: Request[]): void;
  }
  export interface Options {
    url: string;
    connections: number;
    /** Seconds. */
    duration: number;
    setupClient(client: Client): void;
  }
  /** Latencies are in ms, the duration in seconds. */
  export interface Result {
    duration: number;
    errors: number;
    timeouts: number;
    statusCodeStats: Record<string, { count: number }>;
    latency: { p50: number; p99: number };
  }
  export default function autocannon(options: Options): Promise<Result>;
}
