// `npm run soak`: hostile images, callers that leave or do not read, and a faulty registry, all at once, against
// `ocipeek serve` and against the worker in workerd with 128 MB. Good requests in between are all to be answered right, and
// memory is at the end to be as it was after the first minute.
//   npm run soak -- [--minutes 10 | --seconds N] [--only serve|workerd]
import { createHash, randomBytes } from "node:crypto";
import { Agent, request as httpRequest } from "node:http";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { REPOSITORY } from "../tests/lib/docker-registry.mjs";
import { startFaultRegistry } from "../tests/lib/fault-registry.mjs";
import { deepName, writeImages } from "../tests/lib/hostile-images.mjs";
import { cliFile } from "../tests/lib/package.mjs";
import { memoryOf } from "../tests/lib/process-memory.mjs";
import { tempFolder } from "../tests/lib/processes.mjs";
import { startServe } from "../tests/lib/serve.mjs";
import { tarOf } from "../tests/lib/synthetic-image.mjs";
import { startBundle } from "../tests/lib/worker.mjs";
import { serveLayout } from "./lib/layout-registry.mjs";
import { useTools } from "./lib/tools.mjs";

const MIB = 1 << 20;
/** How much higher the level may be at the end than after the first minute; in a short run it has not been reached yet. */
const growth = (seconds) => (seconds >= 180 ? 32 : 96) * MIB;
/** Without limits V8 lets garbage grow to some hundred. */
const HEAP = ["--max-old-space-size=192", "--max-semi-space-size=8"];
/** Bytes of an answer that a hostile image's reader takes. */
const MOST = 16 * MIB;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const pick = (list) => list[Math.floor(Math.random() * list.length)];
const gzipOf = (files) => gzipSync(tarOf(files).tar, { level: 1 });

/** What is asked of hostile images: tags of `writeImages`, and of `writeMore` below. */
const HOSTILE = [
  ["gzip-bomb", ["bomb", "", "?tar"]],
  ["zstd-bomb", ["bomb", "?recursive"]],
  ["zstd-window", ["x"]],
  ["loop", ["a", "b/x/y", "self"]],
  ["deep", ["", "?recursive", deepName("top")]],
  ["deep-many", ["", "?recursive", deepName("top7")]],
  ["name", ["?tar", "?recursive"]],
  ["ztoc-entries", ["bomb"]],
  ["ztoc-alias", ["bomb"]],
  ["ztoc-endless", ["bomb"]],
  ["ztoc-largest", ["usr/", "?recursive"]],
  ["span-more", ["bomb", "?tar"]],
  ["span-less", ["bomb"]],
  ["span-huge", ["bomb"]],
  ["zeros", ["bomb", "?tar"]],
  ["zeros-layers", ["f0", "f9", "nowhere", "?recursive"]],
  ["damaged", ["file", "", "?tar"]],
  ["wide", ["", "d/", "?recursive"]],
];

/** Beside the hostile images of the tests: more of them, and good ones, whose files it gives. */
function writeMore(dir) {
  const good = new Map();
  writeImages(dir, (writer) => {
    for (const name of ["good-0", "good-1", "good-2"]) {
      const files = [1000, 70_000, 900_000].map(
        (size, i) => /** @type {[string, Buffer]} */ ([`file${i}`, randomBytes(size)]),
      );
      writer.addPlain(name, gzipOf(files));
      for (const [path, bytes] of files) good.set(`${name}/-/${path}`, sha256(bytes));
    }
    const zeros = Array.from({ length: 10 }, (_, i) => gzipOf([[`f${i}`, Buffer.alloc(47 * MIB)]]));
    writer.addPlain("zeros-layers", zeros);
    const damaged = gzipOf([["file", randomBytes(2 * MIB)]]);
    damaged.fill(0xff, MIB, MIB + 64);
    writer.addPlain("damaged", damaged);
    const many = Array.from({ length: 60_000 }, (_, i) => [`d/file-${i}`, Buffer.alloc(0)]);
    writer.addPlain("wide", gzipOf(many));
  });
  return good;
}

/** Counts and mistakes of one target. */
class Tally {
  good = 0;
  hostile = 0;
  left = 0;
  faulty = 0;
  /** Good requests that were sent as the server closed their connection, and once more on a new one. */
  crossed = 0;
  codes = new Map();
  mistakes = [];
  slowest = 0;

  mistake(text) {
    this.mistakes[Math.min(this.mistakes.length, 20)] = this.mistakes.length < 20 ? text : "and more";
  }
}

/** One who asks again and again until it is over. */
async function actor(isOver, act) {
  while (!isOver()) {
    await act().catch(() => {});
    await sleep(Math.random() * 50);
  }
}

/** Asks, and leaves in the middle, or takes nothing for a while. */
function leave(url) {
  return new Promise((resolve) => {
    const request = httpRequest(url, (response) => {
      // Nobody reads.
      response.pause();
      if (Math.random() < 0.5) response.once("data", () => response.pause());
    });
    request.on("error", resolve);
    request.on("close", resolve);
    request.end();
    setTimeout(() => request.destroy(), pick([0, 5, 50, 300, 3000]));
  });
}

const agent = new Agent({ keepAlive: true });

/**
 * The whole answer. A server may close a kept connection at any time, so that a request can cross with that: it is sent
 * once more then, as every client does (RFC 9112, 9.3.1), but never where the connection was new.
 */
async function get(url, tally) {
  const once = () =>
    new Promise((resolve, reject) => {
      let isAnswered = false;
      const request = httpRequest(url, { agent }, async (response) => {
        isAnswered = true;
        try {
          resolve({ status: response.statusCode, bytes: Buffer.concat(await response.toArray()) });
        } catch (error) {
          reject(error);
        }
      });
      request.on("error", (/** @type {NodeJS.ErrnoException} */ error) => {
        const hasCrossed = request.reusedSocket && error.code === "ECONNRESET" && !isAnswered;
        reject(Object.assign(error, { hasCrossed }));
      });
      request.end();
    });
  try {
    return await once();
  } catch (error) {
    if (!error.hasCrossed) throw error;
    tally.crossed += 1;
    return once();
  }
}

async function drain(answer) {
  let length = 0;
  for await (const chunk of answer.body ?? []) {
    length += chunk.length;
    if (length >= MOST) break;
  }
}

async function soak(name, target, { hosts, good, isOver, started, seconds }) {
  const tally = new Tally();
  const base = `${target.url}/${hosts.images}/soak`;
  const json = { headers: { accept: "application/json" } };
  const goodOnes = async () => {
    const [path, digest] = pick([...good]);
    const begun = Date.now();
    try {
      const { status, bytes } = await get(`${base}:${path}`, tally);
      if (status !== 200) tally.mistake(`${path}: ${status} ${bytes.subarray(0, 300)}`);
      else if (sha256(bytes) !== digest) tally.mistake(`${path}: wrong bytes`);
    } catch (error) {
      if (!isOver()) tally.mistake(`${path}: ${error.message}`);
    }
    tally.good += 1;
    tally.slowest = Math.max(tally.slowest, Date.now() - begun);
  };
  const hostileUrl = () => {
    const [tag, paths] = pick(HOSTILE);
    return `${base}:${tag}/-/${pick(paths)}`;
  };
  const hostile = async () => {
    const answer = await fetch(hostileUrl(), { ...json, signal: AbortSignal.timeout(60_000) });
    tally.hostile += 1;
    const code = answer.headers.get("x-ocipeek-error") ?? String(answer.status);
    tally.codes.set(code, (tally.codes.get(code) ?? 0) + 1);
    if (code === "INTERNAL") tally.mistake(`INTERNAL: ${(await answer.text()).slice(0, 300)}`);
    else await drain(answer);
  };
  const leaver = async () => {
    tally.left += 1;
    await leave(pick([hostileUrl(), `${base}:${pick([...good.keys()])}`]));
  };
  const faulty = async () => {
    tally.faulty += 1;
    const path = pick(["opt/app/bin/bundle.bin", "etc/hostname", "?recursive"]);
    const signal = AbortSignal.timeout(8000);
    await drain(await fetch(`${target.url}/${hosts.faulty}/-/${path}`, { ...json, signal }));
  };
  const levels = [];
  const watch = async () => {
    levels.push({ at: Date.now() - started, bytes: memoryOf(target.pid).now });
    await sleep(450);
  };
  const actors = [goodOnes, goodOnes, hostile, hostile, hostile, leaver, leaver, faulty, watch];
  await Promise.all(actors.map((act) => actor(isOver, act)));
  // What is left is taken back, as far as it is.
  for (let i = 0; i < 20; i++) await goodOnes();
  levels.push({ at: Date.now() - started, bytes: memoryOf(target.pid).now });
  const first = Math.min(60, seconds / 2) * 1000;
  const most = (list) => Math.max(0, ...list.map((level) => level.bytes));
  const between = (from, to) => most(levels.filter(({ at }) => at >= from && at < to));
  const early = between(first / 2, first * 1.2);
  const late = between((seconds * 1000 * 9) / 10, Number.POSITIVE_INFINITY);
  const mib = (bytes) => `${(bytes / MIB).toFixed(0)} MiB`;
  console.log(
    `${name}: ${tally.good} good requests (${tally.crossed} sent twice), ${tally.mistakes.length} answered wrong, the slowest ${tally.slowest} ms; ` +
      `${tally.hostile} hostile, ${tally.left} left, ${tally.faulty} to a faulty registry; ` +
      `memory ${mib(early)} after the first ${(first / 1000).toFixed(0)} s, ${mib(late)} at the end, ${mib(most(levels))} at most`,
  );
  const minutes = Array.from({ length: Math.ceil(seconds / 60) }, (_, i) => {
    const own = levels.filter(({ at }) => Math.floor(at / 60_000) === i).sort((a, b) => a.bytes - b.bytes);
    return `${mib(own[own.length >> 1]?.bytes ?? 0)} to ${mib(most(own))}`;
  });
  console.log(`${name}: in each minute half of the time, and at most: ${minutes.join(", ")}`);
  console.log(`${name}: hostile answers: ${[...tally.codes].map(([code, n]) => `${code} ${n}`).join(", ")}`);
  for (const mistake of tally.mistakes) console.error(`${name}: ${mistake}`);
  const grows = late > early + growth(seconds);
  if (grows) console.error(`${name}: memory grows`);
  return tally.mistakes.length === 0 && tally.good > 0 && !grows;
}

async function main() {
  const { values } = parseArgs({
    options: { minutes: { type: "string" }, seconds: { type: "string" }, only: { type: "string" } },
  });
  const seconds = values.seconds ? Number(values.seconds) : Number(values.minutes ?? 10) * 60;
  if (!(seconds > 0))
    throw new Error("usage: npm run soak -- [--minutes N | --seconds N] [--only serve|workerd]");
  useTools();
  const folder = tempFolder("soak");
  const good = writeMore(folder.path);
  const registry = await serveLayout({ dir: folder.path, repository: "soak" });
  const broken = await startFaultRegistry();
  const hosts = { images: registry.host, faulty: `${broken.host}/${REPOSITORY}:latest-soci` };
  const insecure = [registry.host, broken.host];
  const turn = setInterval(() => {
    broken.fault = pick([undefined, "limited", "corrupt", "down", "slow", "forbidden"]);
  }, 700);
  turn.unref();
  const targets = [];
  try {
    if (values.only !== "workerd") {
      const args = insecure.flatMap((host) => ["--insecure-registry", host]);
      const limits = JSON.stringify({ maxSecondsToHead: 60 });
      const all = [...args, "--max-memory", String(96 * MIB), "--quiet"];
      const command = [process.execPath, ...HEAP, cliFile()];
      targets.push(["serve", await startServe(command, all, { OCIPEEK_LIMITS: limits })]);
    }
    if (values.only !== "serve") {
      const settings = { OCIPEEK_INSECURE_REGISTRIES: insecure, OCIPEEK_LIMITS: { maxSecondsToHead: 60 } };
      targets.push(["workerd", await startBundle(settings)]);
    }
    const started = Date.now();
    const isOver = () => Date.now() - started > seconds * 1000;
    const rights = await Promise.all(
      targets.map(([name, target]) => soak(name, target, { hosts, good, isOver, started, seconds })),
    );
    if (!rights.every(Boolean)) process.exitCode = 1;
  } finally {
    clearInterval(turn);
    for (const [, target] of targets) await target.stop();
    await registry.close();
    await broken.stop();
    folder.remove();
  }
}

await main();
