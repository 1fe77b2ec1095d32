// Debian's skopeo, as those who push images use it.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../scripts/lib/run.mjs";
import { skopeo as findSkopeo } from "../../scripts/lib/tools.mjs";
import { tempFolder } from "./processes.mjs";

/**
 * Runs it; gives what it wrote to standard output. No policy, credentials or registries of this machine count.
 * @param {...string} args `copy`, `--all`, `oci:folder:tag`, `docker://127.0.0.1:5000/app:tag`
 */
export async function skopeo(...args) {
  const program = findSkopeo();
  if (!program) throw new Error("skopeo is missing: run `npm run setup -- --tests`");
  const folder = tempFolder("skopeo");
  try {
    const policy = join(folder.path, "policy.json");
    const registries = join(folder.path, "registries.conf");
    writeFileSync(policy, JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }));
    writeFileSync(registries, "");
    const global = ["--policy", policy, "--tmpdir", folder.path, "--command-timeout", "60s"];
    const env = {
      CONTAINERS_REGISTRIES_CONF: registries,
      REGISTRY_AUTH_FILE: join(folder.path, "auth.json"),
    };
    return (await run(program, [...global, ...args], { env })).stdout;
  } finally {
    folder.remove();
  }
}

/**
 * Copies an image to a registry on loopback, byte for byte; `all`: every platform, with an index that it may write anew.
 * `credentials`: `user:password` of the registry.
 */
export function skopeoCopy(from, to, { all = false, credentials = "" } = {}) {
  // Else it packs layers that are not compressed, and writes manifests anew.
  const flags = ["--src-tls-verify=false", "--dest-tls-verify=false", all ? "--all" : "--preserve-digests"];
  if (credentials) flags.push("--dest-creds", credentials);
  return skopeo("copy", "--quiet", ...flags, from, to);
}
