/** Part of Cloudflare Queues that is used. @module */

/** A producer's binding. */
export interface Queue {
  send(body: unknown): Promise<void>;
}

/** A message, as a consumer gets it. Delivered at least once. */
export interface Message {
  readonly body: unknown;
  /** 1 at the first delivery. */
  readonly attempts: number;
  ack(): void;
  retry(options: { delaySeconds: number }): void;
}

/** Messages, as a consumer gets them. */
export interface Batch {
  readonly messages: readonly Message[];
}

/** The binding where it is a queue. */
export function queueOf(binding: unknown): Queue | undefined {
  const { send } = (binding ?? {}) as Record<string, unknown>;
  return typeof send === "function" ? (binding as Queue) : undefined;
}
