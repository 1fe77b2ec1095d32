/** The engine's thread: holds the images, so that the page never waits for them. @module */
import type { EngineApi } from "../protocol/api.ts";
import { type Endpoint, serve } from "../protocol/rpc.ts";
import { createEngine } from "./engine.ts";
import { failureOf } from "./failure.ts";

serve<EngineApi>(globalThis as unknown as Endpoint, createEngine(), failureOf);
