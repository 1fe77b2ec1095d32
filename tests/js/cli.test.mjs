// The command on a local layout: what needs no registry.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, lstatSync, openSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { ROOT } from "../../scripts/lib/run.mjs";
import { commandEnv, ocipeek } from "../lib/cli.mjs";
import { merged } from "../lib/expected.mjs";
import { cliFile } from "../lib/package.mjs";
import { tempFolder } from "../lib/processes.mjs";

const IMAGE = `oci:${join(ROOT, "tests", "fixtures", "demo")}:latest-soci-4m`;
const lines = merged();

const ok = async (...args) => {
  const { code, stdout, stderr } = await ocipeek([...args, "--platform", "linux/amd64"]);
  assert.deepEqual([code, stderr], [0, ""], args.join(" "));
  return stdout;
};

describe("the command", () => {
  test("find PATH lists it and all below it, as find(1)", async () => {
    const below = lines.filter(({ path }) => path === "etc" || path.startsWith("etc/"));
    const found = String(await ok("find", IMAGE, "/etc", "-0")).split("\0");
    assert.deepEqual(found.slice(0, -1).sort(), below.map(({ path }) => `/${path}`).sort());
    assert.equal(String(await ok("find", IMAGE, "/etc/hostname")), "/etc/hostname\n");
    const missing = await ocipeek(["find", IMAGE, "/nope"]);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /ENOENT: "\/nope"/);
  });

  test("names that are not UTF-8 are written with escapes", async () => {
    const line = lines.find((l) => l.path_b64 && l.type === "reg");
    const path = Buffer.from(line.path_b64, "base64");
    const written = `/${path.toString("latin1").replace(/[^ -~]/g, (c) => `\\x${c.charCodeAt(0).toString(16)}`)}`;
    assert.equal((await ok("cat", IMAGE, "-e", written)).length, line.size);
    assert.equal(JSON.parse(String(await ok("stat", IMAGE, "--json", "-e", written))).size, line.size);
    assert.ok((await ok("ls", IMAGE, "-e", written)).includes(path), "a pipe gets the bytes");
    const tar = await ok("cp", IMAGE, "-e", written, "-");
    assert.ok(tar.includes(path.subarray(path.lastIndexOf(0x2f) + 1)));
  });

  test("cp of the whole image to disk: contents, modes, links and times", async () => {
    const folder = tempFolder("cp-root");
    const root = join(folder.path, "root");
    const { code } = await ocipeek(["cp", IMAGE, "/", root]);
    assert.equal(code, 7, "devices and a pipe are left out");
    let seen = 0;
    for (const line of lines.filter((l) => ["reg", "dir", "symlink"].includes(l.type))) {
      const at = line.path_b64 ? Buffer.from(line.path_b64, "base64") : Buffer.from(line.path);
      const path = Buffer.concat([Buffer.from(`${root}/`), at]);
      const found = lstatSync(path, { bigint: true });
      const where = JSON.stringify(line.path);
      if (line.type === "symlink") {
        const target = line.linkname_b64
          ? Buffer.from(line.linkname_b64, "base64")
          : Buffer.from(line.linkname);
        assert.deepEqual(readlinkSync(path, { encoding: "buffer" }), target, where);
      } else if (at.length > 0) {
        assert.equal(Number(found.mode) & 0o777, line.mode & 0o777, where);
        // Who is not root reads only what it may.
        if ((line.mode & 0o500) === 0) chmodSync(path, 0o700);
      }
      if (line.type === "reg") {
        assert.equal(createHash("sha256").update(readFileSync(path)).digest("hex"), line.sha256, where);
      }
      if (line.mtime_ns !== undefined && at.length > 0) {
        // Milliseconds are what Node can set before 1970.
        assert.ok(Math.abs(Number(found.mtimeNs) - Number(line.mtime_ns)) < 1e6, where);
      }
      seen += 1;
    }
    assert.ok(seen > 2900, `${seen} paths`);
    folder.remove();
  });

  test("soci tells span sizes that only the zTOCs know", async () => {
    const { layers } = JSON.parse(String(await ok("soci", IMAGE, "--json")));
    assert.deepEqual(
      layers.map(({ ztoc }) => ztoc.spanSize),
      Array(6).fill(4 << 20),
    );
    assert.match(String(await ok("soci", IMAGE)), /^0 +3\.3 MB +\S+ kB +4\.2 MB +sha256:/m);
  });

  test("a tar of the root begins with ./ and has relative names", async () => {
    const tar = await ok("cp", IMAGE, "/", "-");
    const { stdout, status } = spawnSync("tar", ["-t"], { input: tar, maxBuffer: 1 << 26 });
    const names = String(stdout).split("\n");
    assert.equal(status, 0);
    assert.equal(names[0], "./");
    assert.ok(names.every((name) => !name.startsWith("/")));
  });

  test("mistakes name the help", async () => {
    for (const args of [
      ["ls", "-Q", IMAGE],
      ["cat", IMAGE],
      ["cat", IMAGE, "/etc/hostname", "--json"],
    ]) {
      const { code, stdout, stderr } = await ocipeek(args);
      assert.deepEqual([code, stdout.length], [2, 0], args.join(" "));
      assert.match(stderr, new RegExp(`^ocipeek: ${args[0]} --help tells more$`, "m"));
    }
  });

  test("a full disk is said, without a stack", () => {
    const full = openSync("/dev/full", "w");
    const args = [cliFile(), "cat", IMAGE, "/etc/hostname", "/etc/services"];
    const { env, remove } = commandEnv();
    const { status, stderr } = spawnSync(process.execPath, args, { env, stdio: ["ignore", full, "pipe"] });
    remove();
    assert.equal(status, 8);
    assert.match(String(stderr), /^ocipeek: cannot write to standard output: .*no space left.*\n$/);
  });
});
