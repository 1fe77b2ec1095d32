// The command against a real docker-registry and local layouts, compared with the lists and with GNU tar.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { run } from "../../scripts/lib/run.mjs";
import { ocipeek } from "../lib/cli.mjs";
import { DEMO, REPOSITORY, startDemoRegistry } from "../lib/docker-registry.mjs";
import { merged } from "../lib/expected.mjs";
import { tempFolder } from "../lib/processes.mjs";

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const lines = merged();
const byPath = new Map(lines.map((line) => [line.path, line]));
const below = (dir) => lines.filter((line) => line.path.startsWith(`${dir}/`));
const AMD64 = ["--platform", "linux/amd64"];

describe("the command", () => {
  let registry;
  let image;
  let folder;
  before(async () => {
    registry = await startDemoRegistry();
    image = `${registry.host}/${REPOSITORY}:latest-soci`;
    folder = tempFolder("cli");
  });
  after(async () => {
    await registry?.stop();
    folder?.remove();
  });

  const ok = async (...args) => {
    const result = await ocipeek([...args, ...AMD64]);
    assert.equal(result.code, 0, `${args.join(" ")}: ${result.stderr}`);
    assert.equal(result.stderr, "", "nothing on stderr when it is no terminal");
    return result.stdout;
  };
  const json = async (...args) => JSON.parse((await ok(...args, "--json")).toString());

  test("cat, by tag and by digest, gives the file's bytes and nothing else", async () => {
    const out = await ok("cat", image, "/etc/services");
    assert.equal(sha256(out), byPath.get("etc/services").sha256);
    const { digest } = await json("inspect", image);
    const byDigest = await ok("cat", `${registry.host}/${REPOSITORY}@${digest}`, "/etc/services");
    assert.deepEqual(byDigest, out);
  });

  test("cat of several files gives them one after the other", async () => {
    const out = await ok("cat", image, "/etc/hostname", "/etc/networks");
    assert.equal(out.length, byPath.get("etc/hostname").size + byPath.get("etc/networks").size);
  });

  test("reads a layout and a layout's tar as skopeo names them", async () => {
    const wanted = byPath.get("etc/services").sha256;
    assert.equal(sha256(await ok("cat", `oci:${DEMO}:latest-soci`, "/etc/services")), wanted);
    const archive = join(folder.path, "demo.tar");
    await run("tar", ["-cf", archive, "-C", DEMO, "oci-layout", "index.json", "blobs"]);
    assert.equal(sha256(await ok("cat", `oci-archive:${archive}:latest`, "/etc/services")), wanted);
  });

  test("ls lists what the folder holds", async () => {
    const names = (await ok("ls", image, "/etc")).toString().trimEnd().split("\n");
    const wanted = below("etc").filter((l) => l.path.split("/").length === 2);
    assert.equal(names.length, wanted.length);
    for (const line of wanted)
      assert.ok(
        names.some((n) => n.includes(line.path.slice(4))),
        line.path,
      );
  });

  test("find with a glob finds what the list has", async () => {
    const found = (await ok("find", image, "*.js")).toString().trimEnd().split("\n");
    const wanted = lines.filter((l) => l.path.endsWith(".js")).map((l) => `/${l.path}`);
    assert.deepEqual(found.sort(), wanted.sort());
  });

  test("tree shows a folder with all below it", async () => {
    const text = (await ok("tree", image, "/etc/ssl")).toString();
    for (const line of below("etc/ssl")) assert.ok(text.includes(line.path.split("/").pop()), line.path);
  });

  test("stat, inspect, layers and soci speak JSON", async () => {
    const stat = [await json("stat", image, "/etc/services")].flat()[0];
    assert.equal(stat.size, 6800);
    assert.equal(stat.type, "file");
    const inspect = await json("inspect", image);
    assert.match(inspect.digest, /^sha256:[0-9a-f]{64}$/);
    const layers = await json("layers", image);
    assert.equal((layers.layers ?? layers).length, 6);
    const soci = await json("soci", image);
    assert.ok(JSON.stringify(soci).includes("sha256:"));
  });

  test("--stats tells the cost on stderr and leaves stdout alone", async () => {
    const result = await ocipeek(["cat", image, "/usr/share/demo/tz/Winnipeg", "--stats", ...AMD64]);
    assert.equal(result.code, 0, result.stderr);
    assert.equal(sha256(result.stdout), byPath.get("usr/share/demo/tz/Winnipeg").sha256);
    // And that of this machine's registries, whether they speak TLS.
    assert.match(result.stderr, /^ping .*https:/m);
    assert.match(result.stderr, /\b6 requests/);
  });

  test("--layer shows one layer, whiteouts visible", async () => {
    const names = (await ok("ls", image, "/etc", "--layer", "4")).toString();
    assert.ok(names.includes(".wh.hostname"));
  });

  test("cp of a folder to disk: every file, link and mode", async () => {
    const target = join(folder.path, "out");
    await ok("cp", image, "/usr/share/demo", target);
    const root = existsSync(join(target, "tz")) ? target : join(target, "demo");
    for (const line of below("usr/share/demo")) {
      const path = join(root, line.path.slice("usr/share/demo/".length));
      const stats = lstatSync(path);
      if (line.type === "reg") assert.equal(sha256(readFileSync(path)), line.sha256, line.path);
      else if (line.type === "symlink") assert.equal(readlinkSync(path), line.linkname);
      else assert.ok(stats.isDirectory());
      if (line.type !== "symlink") assert.equal(stats.mode & 0o777, line.mode & 0o777, line.path);
    }
  });

  test("cp as a tar to stdout is read by GNU tar", async () => {
    const tar = await ok("cp", image, "/usr/share/demo", "-");
    const file = join(folder.path, "out.tar");
    writeFileSync(file, tar);
    const target = tempFolder("untar");
    await run("tar", ["-xf", file, "-C", target.path]);
    const { stdout } = await run("tar", ["-tf", file]);
    const names = new Set(
      stdout
        .trimEnd()
        .split("\n")
        .map((n) => n.replace(/^\.?\//, "").replace(/\/$/, "")),
    );
    let files = 0;
    for (const line of below("usr/share/demo")) {
      const tail = line.path.slice("usr/share/".length);
      const name = [line.path, tail, tail.slice("demo/".length)].find((n) => names.has(n));
      assert.ok(name, line.path);
      if (line.type === "reg") {
        assert.equal(sha256(readFileSync(join(target.path, name))), line.sha256, line.path);
        files += 1;
      }
    }
    assert.ok(files > 100);
    target.remove();
  });

  test("cp never writes outside its target, whatever the image holds", async () => {
    const target = join(folder.path, "odd");
    const before = readdirSync(folder.path).length;
    const result = await ocipeek(["cp", image, "/opt/odd", target, ...AMD64]);
    assert.equal(result.code, 7, result.stderr); // devices and a pipe are left out
    assert.equal(readdirSync(folder.path).length, before + 1);
    // A link that already lies in the target is not followed.
    const trap = join(folder.path, "trap");
    const outside = tempFolder("outside");
    await run("mkdir", ["-p", trap]);
    symlinkSync(outside.path, join(trap, "demo"));
    symlinkSync(outside.path, join(trap, "tz"));
    await ocipeek(["cp", image, "/usr/share/demo", trap, ...AMD64]);
    assert.deepEqual(readdirSync(outside.path), []);
    outside.remove();
  });

  test("what fails says why, and its code is not 0", async () => {
    /** @type {[string[], RegExp][]} */
    const cases = [
      [["cat", image, "/no/such"], /ENOENT/],
      [["cat", image, "/etc"], /EISDIR/],
      [["cat", `${registry.host}/${REPOSITORY}:none`, "/etc/services"], /NOT_FOUND/],
      [["cat", "Not A Reference", "/x"], /INVALID_REFERENCE/],
      [["frobnicate"], /frobnicate/],
    ];
    for (const [args, pattern] of cases) {
      const result = await ocipeek([...args, ...AMD64]);
      assert.notEqual(result.code, 0, args.join(" "));
      assert.match(result.stderr, pattern, args.join(" "));
      assert.equal(result.stdout.length, 0);
    }
  });
});
