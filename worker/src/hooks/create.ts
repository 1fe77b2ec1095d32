/** The hooks with all their parts. @module */

import { BINDINGS, type Config, type Env } from "../config/config.ts";
import { numbers } from "../config/settings.ts";
import type { FindAuth } from "../ports.ts";
import type { AccessList } from "../registry/access.ts";
import type { PlatformFetch } from "../registry/guarded-fetch.ts";
import { BucketJobs, isJobBucket } from "./bucket-jobs.ts";
import { Hooks } from "./hooks.ts";
import { MemoryJobs } from "./job-log.ts";
import { queueOf } from "./queue.ts";
import { type Tools, work } from "./work.ts";

/** Platform of the hooks. */
export interface HooksPlatform {
  fetch: PlatformFetch;
  waitUntil(promise: Promise<unknown>): void;
  /** Whether requests may do each other's work. */
  readonly shareLookups?: boolean | undefined;
  readonly stop?: AbortSignal | undefined;
}

/** Parts that the hooks are made of. */
export interface HooksParts {
  readonly config: Config;
  readonly env: Env;
  readonly access: AccessList;
  readonly auth: FindAuth | undefined;
  readonly platform: HooksPlatform;
  now(): number;
  log(record: Record<string, unknown>): void;
}

/** The edge's platform ends what goes on behind an answer after 30 seconds; a queue's message has 15 minutes. */
const SECONDS_BEHIND_ANSWER = 25;
/** Milliseconds: a registry writes a tag within a moment of telling of it. */
const WAITS = [200, 400, 800, 1600];

/** The hooks, or nothing where there is no secret for them. */
export function createHooks(parts: HooksParts): Hooks | undefined {
  const { config, env, access, auth, platform, now, log } = parts;
  const { hooks } = config;
  if (!hooks) return undefined;
  const queue = queueOf(env[BINDINGS.queue]);
  const isolated = !platform.shareLookups;
  const { maxSeconds } = hooks.limits;
  const deps = {
    config,
    hooks,
    access,
    auth,
    fetch: platform.fetch,
    waits: WAITS,
    tools,
    // Those of the edge are for its memory; here the library's own count, but for what the operator says.
    libraryLimits: isolated ? config.libraryLimits : numbers(env, "OCIPEEK_LIBRARY_LIMITS", {}, true),
    parallel: isolated ? (1 as const) : (2 as const),
    maxSeconds: isolated && !queue ? Math.min(maxSeconds, SECONDS_BEHIND_ANSWER) : maxSeconds,
  };
  const bucket = env[BINDINGS.bucket];
  return new Hooks({
    config: hooks,
    access,
    work: (job, stop) => work(job, deps, stop),
    queue,
    // What one isolate knows another does not.
    jobs: isJobBucket(bucket) ? new BucketJobs(bucket) : new MemoryJobs(),
    waitUntil: (promise) => platform.waitUntil(promise),
    isolated,
    // None at the edge: a signal of one request's context is of no use in another's.
    stop: platform.stop,
    now,
    log,
  });
}

/** The index builder is loaded by who needs it. */
async function tools(): Promise<Tools> {
  const [{ openSource }, { createIndex, convertImage, pushArtifacts, verifyIndex }, { registryDestination }] =
    await Promise.all([import("ocipeek"), import("ocipeek/build"), import("ocipeek/push")]);
  return { openSource, createIndex, convertImage, pushArtifacts, verifyIndex, registryDestination };
}
