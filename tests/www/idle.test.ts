// Answers from which nothing comes any more, at the page.
import assert from "node:assert/strict";
import { test } from "node:test";
import { watched } from "../../www/src/engine/registry/idle.ts";

const { signal } = new AbortController();
const text = (answer: { body: object | null }) => new Response(answer.body as ReadableStream).text();
/** Pieces with a pause before each; then nothing more, or the end. */
const body = (count: number, pause: number, ends: boolean) => {
  let left = count;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (left-- <= 0) {
        if (ends) controller.close();
        else await new Promise(() => {});
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
      controller.enqueue(new TextEncoder().encode("x"));
    },
  });
};

test("one that comes slowly is read, however long it takes", async () => {
  const ask = async () => new Response(body(6, 40, true));
  assert.equal(await watched(ask, signal, text, 150), "xxxxxx");
});

test("one that stops, before its head or in its body, is given up and its request ended", async () => {
  for (const stalls of [() => new Promise<Response>(() => {}), async () => new Response(body(2, 1, false))]) {
    let isEnded = false;
    const ask = (init: { signal: AbortSignal }) => {
      init.signal.addEventListener("abort", () => {
        isEnded = true;
      });
      return stalls();
    };
    await assert.rejects(watched(ask, signal, text, 50), {
      name: "TypeError",
      message: "no bytes for 50 ms",
    });
    assert.ok(isEnded);
  }
});
