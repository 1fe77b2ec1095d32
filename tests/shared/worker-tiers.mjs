// A worker that tries the cache tiers on the platform itself, and tells what they did.
import { CacheApiTier } from "../../worker/src/cache/cache-api.ts";
import { MemoryTier } from "../../worker/src/cache/memory.ts";
import { R2Tier } from "../../worker/src/cache/r2.ts";
import { TieredCache } from "../../worker/src/cache/tiered.ts";

const SIZE = 300_000;
const key = (name) => `pack-v1:sha256:${name.repeat(64)}`;
const value = Uint8Array.from({ length: SIZE }, (_, i) => (i * 31 + (i >> 8)) & 0xff);

function same(bytes, start, end) {
  const wanted = value.subarray(start, end);
  return bytes?.length === wanted.length && wanted.every((b, i) => b === bytes[i]);
}

async function tryTier(tier) {
  const attempt = (work) => work().catch((error) => `${error}`);
  const missed = [await tier.get(key("0")), await tier.getRange(key("0"), 0, 10)];
  await tier.put(key("a"), value);
  const ranges = [
    [0, 1],
    [1, 70_000],
    [SIZE - 1, SIZE],
    [SIZE - 10, SIZE + 10],
    [5, 5],
  ];
  return {
    missed: missed.every((v) => v === undefined),
    whole: same(await tier.get(key("a")), 0, SIZE),
    ranges: await Promise.all(ranges.map(async ([s, e]) => same(await tier.getRange(key("a"), s, e), s, e))),
    beyond: await attempt(async () => ((await tier.getRange(key("a"), SIZE, SIZE + 5)) ?? []).length),
  };
}

/** A part out of the farthest tier brings the whole to the one before it. */
async function tryCopy(r2, host) {
  await r2.put(key("b"), value);
  const waiting = [];
  const near = new CacheApiTier(() => caches.open("copy"), { base: `https://${host}/-/cache/t/`, ttl: 1 });
  const cache = new TieredCache([new MemoryTier(1 << 20), near, r2], { waitUntil: (p) => waiting.push(p) });
  const part = same(await cache.getRange(key("b"), 100, 200), 100, 200);
  await Promise.all(waiting);
  return { part, whole: same(await near.get(key("b")), 0, SIZE) };
}

export default {
  async fetch(request, env) {
    const { host, pathname } = new URL(request.url);
    if (pathname === "/healthz") return new Response("ok");
    const base = `https://${host}/-/cache/v1/`;
    const api = new CacheApiTier(() => caches.open("ocipeek"), { base, ttl: 1 });
    const r2 = new R2Tier(env.OCIPEEK_BUCKET, "v1/");
    // A part is given as a part: the platform does not read the whole for it.
    await api.put(key("c"), value);
    const request206 = new Request(base + encodeURIComponent(key("c")), { headers: { range: "bytes=7-9" } });
    const answer = await (await caches.open("ocipeek")).match(request206);
    return Response.json({
      api: await tryTier(api),
      r2: await tryTier(r2),
      copy: await tryCopy(r2, host),
      range: [
        answer?.status,
        answer?.headers.get("content-range"),
        (await answer?.arrayBuffer())?.byteLength,
      ],
    });
  },
};
