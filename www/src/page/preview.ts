/** The preview worker, as the page calls it: started by the first call, ended by one that takes too long. @module */
import type { JsonColumns } from "../format/json.ts";
import type { PreviewApi, Runs } from "../preview/protocol.ts";
import { EngineError } from "../protocol/api.ts";
import { connect, type Remote } from "../protocol/rpc.ts";

/** A text that takes longer is shown without. */
const MAX_MS = 10_000;

interface Running {
  readonly worker: Worker;
  readonly remote: Remote<PreviewApi>;
  /** Calls that have not been answered. */
  calls: number;
}

let running: Running | undefined;

/** Classes of a source text's parts. */
export function highlight(text: string, language: string, signal: AbortSignal): Promise<Runs | undefined> {
  return call(signal, (remote) => remote.highlight([text, language], { signal }));
}

/** The values of a JSON text, or where it stops being one. */
export function parseJson(text: string, signal: AbortSignal): Promise<JsonColumns | { offset: number }> {
  return call(signal, (remote) => remote.json([text], { signal }));
}

/** Markdown as HTML that is not sanitised yet. */
export function markdown(text: string, signal: AbortSignal): Promise<string> {
  return call(signal, (remote) => remote.markdown([text], { signal }));
}

async function call<T>(signal: AbortSignal, ask: (remote: Remote<PreviewApi>) => Promise<T>): Promise<T> {
  running ??= start();
  const mine = running;
  mine.calls++;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      end(mine);
      const message = `it took longer than ${MAX_MS / 1000} seconds`;
      reject(new EngineError({ code: "TIMEOUT", message }));
    }, MAX_MS);
  });
  try {
    return await Promise.race([ask(mine.remote), late]);
  } finally {
    clearTimeout(timer);
    mine.calls--;
    // It would go on with what no one waits for, and keep the next text waiting.
    if (signal.aborted && mine.calls === 0) end(mine);
  }
}

function end(mine: Running): void {
  mine.worker.terminate();
  if (running === mine) running = undefined;
}

function start(): Running {
  const worker = new Worker(new URL("../preview/worker.ts", import.meta.url), {
    type: "module",
    name: "ocipeek preview",
  });
  return { worker, remote: connect<PreviewApi>(worker), calls: 0 };
}
