/** What is written about a request: one JSON line, and one data point where the platform counts. @module */

import type { HttpError } from "../errors.ts";
import type { Deps } from "../ports.ts";
import type { Exchange } from "./request-scope.ts";
import type { Route } from "./route.ts";

/** A request and its answer, as far as they are known. */
export interface Visited {
  readonly method: string;
  readonly route: Route | undefined;
  readonly status: number;
}

/**
 * Writes both. There is no header and no query in them, so no credential and no signature; the path in the image is
 * left out too, since it may say more about the caller than about the worker.
 */
export function record(deps: Deps, exchange: Exchange, visited: Visited, error: HttpError | undefined): void {
  const { method, route, status } = visited;
  const cost = exchange.cost();
  const image = route && "image" in route ? route.image : undefined;
  const registry = image?.registry ?? (route?.kind === "proxy" ? route.target.registry : undefined);
  const kind = route?.kind ?? "none";
  const ms = exchange.elapsed();
  deps.log({
    level: status >= 500 && error?.code !== "ABORTED" ? "error" : "info",
    time: new Date(deps.now()).toISOString(),
    id: exchange.id,
    method,
    kind,
    ...(registry ? { registry } : {}),
    ...(image ? { repository: image.repository, tag: image.tag, digest: image.digest } : {}),
    status,
    ...(error ? { code: error.code, message: error.message } : {}),
    // Only of what nobody foresaw, and only its stack: it names no value.
    ...(error?.code === "INTERNAL" && error.cause instanceof Error ? { stack: error.cause.stack } : {}),
    ms,
    sent: exchange.sent,
    ...(exchange.leftOut > 0 ? { leftOut: exchange.leftOut } : {}),
    ...cost,
  });
  try {
    deps.analytics?.writeDataPoint({
      indexes: [registry ?? ""],
      blobs: [kind, method, String(status), error?.code ?? "", image?.repository ?? ""],
      doubles: [1, ms, exchange.sent, cost.requests, cost.bytes, cost.cacheHits, cost.inflated],
    });
  } catch {
    // Counting must not cost an answer.
  }
}
