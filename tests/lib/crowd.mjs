// Cold images of a server, alone and beside a crowd of callers that read nothing.
import { createHash, randomBytes } from "node:crypto";
import { serveLayout } from "../../scripts/lib/layout-registry.mjs";
import { hang } from "./bad-callers.mjs";
import { cpuOf } from "./process-memory.mjs";
import { tempFolder } from "./processes.mjs";
import { writeSyntheticImages } from "./synthetic-image.mjs";

const MIB = 1 << 20;
/** Bytes of the file that nobody reads: more than sockets hold. */
const LARGE = 24 * MIB;
/** Milliseconds that the crowd may take until all of it stands still. */
const SETTLED = 60_000;

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** Waits until a process does nothing. */
async function settled(pid) {
  const until = Date.now() + SETTLED;
  for (let before = -1; Date.now() < until; ) {
    const now = cpuOf(pid);
    if (now - before < 100) return;
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  throw new Error("the crowd keeps the server busy");
}

/**
 * Measures each of `servers` in turn. Every cold image is asked for a file once; half of them before the crowd comes.
 * @param {Record<string, (env: Record<string, string>) => Promise<{ url: string, pid?: number, stop: () => unknown }>>} servers by name
 * @param {{ images?: number, crowd?: number }} [options] `images`: cold ones, with and without a crowd. `crowd`: callers
 */
export async function measureCrowd(servers, { images = 24, crowd = 64 } = {}) {
  const folder = tempFolder("crowd");
  const ends = [() => folder.remove()];
  try {
    const content = (i) => Buffer.concat([Buffer.from(`file of image ${i}\n`), randomBytes(200_000)]);
    const cold = Array.from({ length: 2 * images }, (_, i) => ({ tag: `cold-${i}`, content: content(i) }));
    const files = cold.map(({ tag, content }) => [tag, [["etc/file", content]]]);
    await writeSyntheticImages(folder.path, {
      crowd: [["srv/large", randomBytes(LARGE)]],
      ...Object.fromEntries(files),
    });
    const registry = await serveLayout({ dir: folder.path, repository: "crowd" });
    ends.push(registry.close);
    const rows = [];
    for (const [server, start] of Object.entries(servers)) {
      const { url, pid, stop } = await start({ OCIPEEK_INSECURE_REGISTRIES: registry.host });
      ends.push(async () => void (await stop()));
      const base = `/${registry.host}/crowd`;
      const ask = async ({ tag, content }) => {
        const from = performance.now();
        const response = await fetch(`${url}${base}:${tag}/-/etc/file`);
        const body = Buffer.from(await response.arrayBuffer());
        const isRight = response.status === 200 && sha256(body) === sha256(content);
        return { status: response.status, isRight, ms: performance.now() - from };
      };
      const inTurn = async (wanted) => {
        const answers = [];
        for (const one of wanted) answers.push(await ask(one));
        return answers;
      };
      const idle = await inTurn(cold.slice(0, images));
      const end = hang(url, Array(crowd).fill(`${base}:crowd/-/srv/large`));
      await new Promise((resolve) => setTimeout(resolve, 1000));
      await settled(pid);
      const beside = await inTurn(cold.slice(images));
      end();
      const slowest = (answers) => Math.max(...answers.map(({ ms }) => ms));
      rows.push({ server, idle, beside, slowest: { idle: slowest(idle), beside: slowest(beside) } });
    }
    return rows;
  } finally {
    for (const end of ends.reverse()) await end();
  }
}
