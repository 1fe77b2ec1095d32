/** Calls between page and engine over `postMessage`: results, errors, progress, and stopping. @module */
import { type ApiFailure, type CallProgress, EngineError } from "./api.ts";

/** What runs a call is given besides its arguments. */
export interface CallContext {
  /** Aborted when the caller lost interest. */
  readonly signal: AbortSignal;
  /** Tells how far it is. */
  progress(progress: CallProgress): void;
  /** Hands these over with the result, instead of copying them. */
  transfer(...items: Transferable[]): void;
}

/** Options of a call. */
export interface CallOptions {
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: CallProgress) => void) | undefined;
}

/** What runs calls: a method for each, with the context as its last argument. */
export type Served<Api> = {
  [M in keyof Api]: Api[M] extends (...args: infer A) => infer R
    ? (context: CallContext, ...args: A) => R | Promise<R>
    : never;
};

/** What callers see: a method for each, whose arguments are in a list. */
export type Remote<Api> = {
  [M in keyof Api]: Api[M] extends (...args: infer A) => infer R
    ? (args: A, options?: CallOptions) => Promise<R>
    : never;
};

/** A port, a worker, or a worker's own scope. */
export interface Endpoint {
  postMessage(message: unknown, transfer: Transferable[]): void;
  addEventListener(type: "message", listener: (event: MessageEvent) => void): void;
}

type Request = { kind: "call"; id: number; method: string; args: unknown[] } | { kind: "stop"; id: number };

type Reply =
  | { kind: "done"; id: number; value: unknown }
  | { kind: "failed"; id: number; failure: ApiFailure }
  | { kind: "progress"; id: number; progress: CallProgress };

/** Answers calls. `failureOf` turns what a method throws into what crosses the boundary. */
export function serve<Api>(
  endpoint: Endpoint,
  methods: Served<Api>,
  failureOf: (thrown: unknown) => ApiFailure,
): void {
  const running = new Map<number, AbortController>();
  const reply = (message: Reply, transfer: Transferable[] = []): void =>
    endpoint.postMessage(message, transfer);
  endpoint.addEventListener("message", async ({ data }: MessageEvent<Request>) => {
    if (data.kind === "stop") return void running.get(data.id)?.abort();
    const { id, method, args } = data;
    const stop = new AbortController();
    running.set(id, stop);
    const transfer: Transferable[] = [];
    const context: CallContext = {
      signal: stop.signal,
      progress: (progress) => reply({ kind: "progress", id, progress }),
      transfer: (...items) => void transfer.push(...items),
    };
    try {
      const run = methods[method as keyof Served<Api>] as unknown as (
        context: CallContext,
        ...args: unknown[]
      ) => unknown;
      const value = await run.call(methods, context, ...args);
      reply({ kind: "done", id, value }, transfer);
    } catch (thrown) {
      reply({ kind: "failed", id, failure: failureOf(thrown) });
    } finally {
      running.delete(id);
    }
  });
}

/** Calls what {@link serve} answers. */
export function connect<Api>(endpoint: Endpoint): Remote<Api> {
  const waiting = new Map<
    number,
    { resolve(value: unknown): void; reject(error: Error): void; options: CallOptions; settle(): void }
  >();
  let last = 0;
  endpoint.addEventListener("message", ({ data }: MessageEvent<Reply>) => {
    const call = waiting.get(data.id);
    if (!call) return;
    if (data.kind === "progress") return call.options.onProgress?.(data.progress);
    waiting.delete(data.id);
    call.settle();
    if (data.kind === "done") call.resolve(data.value);
    else call.reject(new EngineError(data.failure));
  });
  const call = (method: string, args: unknown[], options: CallOptions = {}): Promise<unknown> => {
    const { signal } = options;
    if (signal?.aborted) return Promise.reject(stopped());
    const id = ++last;
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        waiting.delete(id);
        endpoint.postMessage({ kind: "stop", id } satisfies Request, []);
        reject(stopped());
      };
      signal?.addEventListener("abort", stop, { once: true });
      const settle = (): void => signal?.removeEventListener("abort", stop);
      waiting.set(id, { resolve, reject, options, settle });
      endpoint.postMessage({ kind: "call", id, method, args } satisfies Request, []);
    });
  };
  return new Proxy({} as Remote<Api>, {
    get: (_target, method) => (args: unknown[], options?: CallOptions) => call(String(method), args, options),
  });
}

function stopped(): EngineError {
  return new EngineError({ code: "ABORTED", message: "stopped by the caller" });
}
