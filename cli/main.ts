#!/usr/bin/env node
import { Output } from "./output.js";
import { run } from "./run.js";

const interrupted = new AbortController();
// The first interrupt stops the work and cleans up; a second one ends the process at once.
process.once("SIGINT", () => interrupted.abort());
process.once("SIGTERM", () => interrupted.abort());

process.exitCode = await run(process.argv.slice(2), new Output(), interrupted.signal);
