// A worker that is told of pushes, and the real registry that tells it.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { startDockerRegistry } from "./docker-registry.mjs";
import { freePort } from "./processes.mjs";

export const SECRET = "0123456789abcdef-of-the-hooks";
export const BEARER = `Bearer ${SECRET}`;
/** Bytes between checkpoints. */
export const SPAN = 131_072;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Settings of a worker for this registry. */
export function settings(host, hooks) {
  return {
    OCIPEEK_INSECURE_REGISTRIES: host,
    OCIPEEK_HOOK_SECRET: SECRET,
    OCIPEEK_HOOKS: JSON.stringify({ filters: ["app*:*"], spanSize: SPAN, minLayerSize: 0, ...hooks }),
    OCIPEEK_LIMITS: JSON.stringify({ maxSubrequests: 500 }),
  };
}

/** A registry without credentials. */
export const PUBLIC = { env: (_host) => ({}), registry: {}, headers: {} };

/** A worker, and a registry that tells it of pushes. `access`: settings of the one, options of the other. */
export async function setUp(start, hooks, access = PUBLIC) {
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const worker = await start(host, hooks, access.env(host));
  const notify = { url: `${worker.url}/hooks/distribution`, authorization: BEARER };
  const registry = await startDockerRegistry({ port, notify, ...access.registry });
  const jobs = async () => {
    const answer = await fetch(`${worker.url}/hooks/jobs`, { headers: { authorization: BEARER } });
    const text = await answer.text();
    assert.equal(answer.status, 200, `${text}\n${worker.log()}`);
    return JSON.parse(text).jobs;
  };
  return {
    host,
    jobs,
    worker,
    registry,
    /** The jobs once none of them is under way, and no further one has come for a while. */
    quiet: async (least) => {
      let known = "";
      for (let i = 0; i < 120; i++) {
        const all = await jobs();
        const text = JSON.stringify(all);
        const isOver = all.every(({ status }) => ["done", "skipped", "failed"].includes(status));
        if (all.length >= least && isOver && text === known) return all;
        known = text;
        await sleep(1000);
      }
      return assert.fail(`it does not end: ${known}\n${worker.log()}`);
    },
    /** A manifest as the registry has it. */
    manifest: async (reference) => {
      const accept = [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
      ].join(", ");
      const headers = { accept, ...access.headers };
      const answer = await fetch(`http://${host}/v2/app/manifests/${reference}`, { headers });
      assert.equal(answer.status, 200, reference);
      return JSON.parse(await answer.text());
    },
    /** All files of the registry's storage. */
    stored: () => readdirSync(registry.storage, { recursive: true }).map(String).sort(),
    stop: async () => {
      await registry.stop();
      await worker.stop();
    },
  };
}
