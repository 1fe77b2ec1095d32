// The crate in a program of somebody else: what its .wasm holds of ours.
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { ROOT, run } from "../../scripts/lib/run.mjs";

const TARGET = "wasm32-unknown-unknown";

describe("a dependent crate for wasm32", () => {
  let folder;
  let module;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "ocipeek-dependent-"));
    mkdirSync(join(folder, "src"));
    // The versions that are here already.
    for (const file of ["Cargo.lock", "rust-toolchain.toml"])
      copyFileSync(join(ROOT, file), join(folder, file));
    const manifest = `[package]
name = "dependent"
version = "0.0.0"
edition = "2024"

[workspace]

[lib]
crate-type = ["cdylib"]

[dependencies]
ocipeek = { path = ${JSON.stringify(ROOT)}, features = ["build", "formats"] }

[profile.dev]
debug = false
`;
    writeFileSync(join(folder, "Cargo.toml"), manifest);
    writeFileSync(
      join(folder, "src", "lib.rs"),
      `#[unsafe(no_mangle)]
pub extern "C" fn is_read(tag: u32) -> bool {
    format!("ghcr.io/owner/app:{tag}").parse::<ocipeek::oci::Reference>().is_ok()
}\n`,
    );
    const metadata = ["metadata", "--format-version=1", "--no-deps", "--offline"];
    const { target_directory } = JSON.parse((await run("cargo", metadata, { cwd: ROOT })).stdout);
    // One folder for all times, so that only the first has to build what the crate depends on.
    const target = join(target_directory, "dependent");
    const build = ["build", "--quiet", "--offline", "--target", TARGET, "--target-dir", target];
    await run("cargo", build, { cwd: folder, timeout: 600 });
    module = new WebAssembly.Module(readFileSync(join(target, TARGET, "debug", "dependent.wasm")));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  test("reads a reference without glue of ours", () => {
    assert.deepEqual(WebAssembly.Module.imports(module), []);
    const { exports } = /** @type {{ exports: any }} */ (new WebAssembly.Instance(module));
    assert.equal(exports.is_read(1), 1);
  });

  test("exports nothing that is not its own", () => {
    const names = WebAssembly.Module.exports(module).map(({ name }) => name);
    const linkers = ["memory", "__data_end", "__heap_base"];
    assert.deepEqual(
      names.filter((name) => !linkers.includes(name)),
      ["is_read"],
    );
    const sections = WebAssembly.Module.customSections(module, "__wasm_bindgen_unstable");
    assert.deepEqual(sections, []);
  });
});
