/** Log of requests: one JSON line each, and one data point where the platform counts. @module */

import type { HttpError } from "../errors.ts";
import type { Ports } from "../ports.ts";
import type { RequestScope } from "./request-scope.ts";
import type { ImageName, Route } from "./route.ts";

/** A request and its answer, as far as they are known. */
export interface Answered {
  readonly method: string;
  /** What the URL means, as far as that is told. */
  readonly route: Route | { readonly kind: "tree"; readonly image: ImageName } | undefined;
  readonly status: number;
}

/** A request's own part of the log. */
export type Told = Pick<RequestScope, "id" | "sent" | "leftOut" | "cost" | "elapsed">;

/**
 * Writes both. There is no header and no query in them, so no credential and no signature; the path in the image is
 * left out too, since it may say more about the caller than about the worker.
 */
export function record(ports: Ports, scope: Told, answered: Answered, error: HttpError | undefined): void {
  const { method, route, status } = answered;
  const cost = scope.cost();
  const image = route && "image" in route ? route.image : undefined;
  const registry = image?.registry ?? (route?.kind === "proxy" ? route.target.registry : undefined);
  const kind = route?.kind ?? "none";
  const ms = scope.elapsed();
  ports.log({
    level: status >= 500 && error?.code !== "ABORTED" ? "error" : "info",
    time: new Date(ports.now()).toISOString(),
    id: scope.id,
    method,
    kind,
    ...(registry ? { registry } : {}),
    ...(image ? { repository: image.repository, tag: image.tag, digest: image.digest } : {}),
    status,
    ...(error ? { code: error.code, message: error.message } : {}),
    // Only of what nobody foresaw, and only its stack: it names no value.
    ...(error?.code === "INTERNAL" && error.cause instanceof Error ? { stack: error.cause.stack } : {}),
    ms,
    sent: scope.sent,
    ...(scope.leftOut > 0 ? { leftOut: scope.leftOut } : {}),
    ...cost,
  });
  try {
    ports.analytics?.writeDataPoint({
      indexes: [registry ?? ""],
      blobs: [kind, method, String(status), error?.code ?? "", image?.repository ?? ""],
      doubles: [1, ms, scope.sent, cost.requests, cost.bytes, cost.cacheHits, cost.inflated],
    });
  } catch {
    // Counting must not cost an answer.
  }
}
