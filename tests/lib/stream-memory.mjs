// Streams a large file in a process of its own and prints how much that grew it.
import { createHash } from "node:crypto";
import { open } from "ocipeek";

const image = await open(process.argv[2], {
  platform: "linux/amd64",
  limits: { spanCacheSize: 2 << 20, maxRangeRequest: 2 << 20 },
});
await image.readFile("/etc/small");
const hash = createHash("sha256");
let length = 0;

globalThis.gc?.();
const before = process.memoryUsage();
let peak = before.rss;
let external = before.external;
for await (const chunk of image.createReadStream("/big.bin")) {
  hash.update(chunk);
  length += chunk.length;
  globalThis.gc?.();
  const now = process.memoryUsage();
  peak = Math.max(peak, now.rss);
  external = Math.max(external, now.external);
}
const report = {
  length,
  sha256: hash.digest("hex"),
  grown: peak - before.rss,
  wasm: external - before.external,
};
console.log(JSON.stringify(report));
