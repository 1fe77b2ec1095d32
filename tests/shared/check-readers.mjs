// Several readers of one image at the same time. Uses only what every runtime has, so that the same file runs in Node, in a
// browser and in workerd.

const hex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
export const sha256 = async (bytes) => hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
const ranges = (reader) => reader.stats.log.filter((r) => r.range).length;

/** A `fetch` that stops in the middle of the first range that it is asked for. */
export function stopping() {
  /** @type {(value?: any) => void} */
  let reach = () => {};
  /** @type {(value?: any) => void} */
  let release = () => {};
  let isFirst = true;
  const reached = new Promise((resolve) => {
    reach = resolve;
  });
  const released = new Promise((resolve) => {
    release = resolve;
  });
  const half = async (response) => {
    const bytes = new Uint8Array(await response.arrayBuffer());
    const parts = [bytes.subarray(0, bytes.length >> 1), bytes.subarray(bytes.length >> 1)];
    let sent = 0;
    const body = new ReadableStream(
      {
        async pull(controller) {
          if (sent === 1) {
            reach();
            await released;
          }
          controller.enqueue(parts[sent++]);
          if (sent === parts.length) controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    return new Response(body, { status: response.status, headers: response.headers });
  };
  return {
    reached,
    release,
    fetch: async (url, init) => {
      const response = await fetch(url, init);
      if (!init.headers.range || !isFirst) return response;
      isFirst = false;
      return half(response);
    },
  };
}

/**
 * @param {(reference: string, options?: object) => Promise<any>} open the package's `open`
 * @param {{ reference: string, options?: object, files: [path: string, sha256: string][], isIsolated?: boolean }} what
 *   `files`: two, of different layers
 */
export async function checkReaders(open, { reference, options, files, isIsolated = false }) {
  const problems = [];
  const equal = (what, actual, expected) => {
    const [a, b] = [actual, expected].map((value) => JSON.stringify(value));
    if (a !== b) problems.push(`${what} is ${a}, expected ${b}`);
  };
  const [[path, digest], [other, otherDigest]] = files;
  const opened = async () => {
    const image = await open(reference, options);
    // Its tables.
    await Promise.all([image.stat(path), image.stat(other)]);
    return image;
  };

  // One is cancelled in the middle of a span that both want.
  {
    const image = await opened();
    const before = image.stats.requests;
    const stop = stopping();
    const controller = new AbortController();
    const a = image.reader({ fetch: stop.fetch, signal: controller.signal });
    const b = image.reader();
    const first = a.readFile(path).then(
      () => "read",
      (error) => error.code,
    );
    await stop.reached;
    const second = b.readFile(path);
    // It has come to where it waits.
    await Promise.race([second, new Promise((resolve) => setTimeout(resolve, 50))]);
    controller.abort();
    equal("the cancelled read", await first, "ABORTED");
    stop.release();
    equal("the other's bytes", await sha256(await second), digest);
    equal("ranges of the cancelled one", ranges(a), 1);
    equal("ranges of the other", ranges(b), isIsolated ? 1 : 0);
    equal("a later read of the cancelled one", await a.stat(path).catch((error) => error.code), "ABORTED");
    await a.close();
    equal("requests of the image", image.stats.requests, before);
    // Closing the image closes no reader.
    await image.close();
    equal("the other's bytes once more", await sha256(await b.readFile(path)), digest);
    await b.close();
    equal("a read after close", await b.stat(path).catch((error) => error.code), "INVALID_ARGUMENT");
  }

  // Both want the same at the same time.
  {
    const image = await opened();
    const [a, b] = [image.reader(), image.reader()];
    const read = await Promise.all([a, b].map(async (reader) => sha256(await reader.readFile(path))));
    equal("the bytes of both", read, [digest, digest]);
    const sum = ranges(a) + ranges(b);
    if (isIsolated ? sum > 2 : sum !== 1) problems.push(`the span was fetched ${sum} times`);
    const c = image.reader();
    equal("the bytes of a third", await sha256(await c.readFile(path)), digest);
    equal("requests of a third", c.stats.requests, 0);
    await image.close();
  }

  // Each counts its own.
  {
    const image = await opened();
    const before = image.stats;
    const [a, b] = [image.reader(), image.reader({ limits: { maxFileSize: 1 } })];
    const refused = await b.readFile(other).catch((error) => error.limit);
    equal("the limit of one", refused, "maxFileSize");
    const c = image.reader();
    const read = await Promise.all([a.readFile(path), c.readFile(other)]);
    equal("the bytes of each", await Promise.all(read.map(sha256)), [digest, otherDigest]);
    for (const reader of [a, c]) {
      const { requests, bytes, log } = reader.stats;
      equal("its requests", [requests, log.length], [1, 1]);
      equal(
        "its bytes",
        bytes,
        log.reduce((sum, r) => sum + r.bytes, 0),
      );
    }
    if (a.stats.log[0]?.target === c.stats.log[0]?.target) problems.push("both have the same request");
    equal("the image's own", [image.stats.requests, image.stats.bytes], [before.requests, before.bytes]);
    await image.close();
  }
  return { problems };
}
