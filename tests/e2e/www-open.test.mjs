// The page opens images: by what people type and paste, from the disk, and out of private registries.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { run } from "../../scripts/lib/run.mjs";
import { DEMO, startDemoRegistry, startDockerRegistry } from "../lib/docker-registry.mjs";
import { copyLayout, saveLayout, saveNew, saveOld, saveOldFolder } from "../lib/docker-save.mjs";
import { merged } from "../lib/expected.mjs";
import { startPage } from "../lib/page.mjs";
import { tempFolder } from "../lib/processes.mjs";
import { IMAGE, layout } from "../lib/variants.mjs";

const USER = "reader";
const PASSWORD = "open sesame";
/** bcrypt of the password. */
const HTPASSWD = `${USER}:$2b$05$ocipeekocipeekocipeekez2D7lIvrUhywA7cOdCU0YSH2IG/MEBG\n`;

describe("the page opens", () => {
  let registry;
  let locked;
  let folder;
  let site;
  /** @type {import("playwright-core").Page} */
  let page;
  before(async () => {
    folder = tempFolder("www-open");
    registry = await startDemoRegistry();
    locked = await startDockerRegistry({ storage: registry.storage, htpasswd: HTPASSWD });
    await pushTwoPlatforms(registry.host);
    site = await startPage({
      registry,
      vars: {
        OCIPEEK_INSECURE_REGISTRIES: `${registry.host},${locked.host}`,
        OCIPEEK_PASS_AUTHORIZATION: "true",
      },
    });
    page = site.page;
    page.setDefaultTimeout(10_000);
  });
  after(async () => {
    await site?.stop();
    await locked?.stop();
    await registry?.stop();
    folder?.remove();
  });

  const field = () => page.getByRole("combobox", { name: "Image" });
  const hash = () => new URL(page.url()).hash;
  const start = async () => {
    await page.goto(site.url);
    await field().waitFor();
  };
  /** Waits until the image's files are listed. */
  /** As {@link opened}, for an image whose only index is an attached one: where the page asks, its layers are fetched whole. */
  const openedWhole = async () => {
    const whole = page.getByRole("button", { name: /^Fetch \d/ });
    await page
      .getByRole("treeitem", { name: /^etc\b/ })
      .first()
      .or(whole)
      .first()
      .waitFor();
    if (await whole.isVisible()) await whole.click();
    await opened();
  };
  const opened = () =>
    page
      .getByRole("treeitem", { name: /^etc\b/ })
      .first()
      .waitFor();

  describe("what is typed or pasted", () => {
    test("a reference", async () => {
      await start();
      await field().fill(`${registry.host}/demo:latest-soci`);
      await field().press("Enter");
      await opened();
      assert.equal(hash(), `#/${registry.host}/demo:latest-soci/-/`);
    });

    test("a docker pull line, with what it means said before", async () => {
      await start();
      await field().fill(`$ docker pull --platform linux/amd64 ${registry.host}/demo:latest | cat`);
      await page.getByText(`opens ${registry.host}/demo:latest, linux/amd64`).waitFor();
      await page.getByRole("button", { name: "Open", exact: true }).click();
      await openedWhole();
      assert.equal(hash(), `#/${registry.host}/demo:latest/-/?platform=linux/amd64`);
    });

    test("a URL of the worker, with its path", async () => {
      await start();
      await field().fill(`${site.url}${registry.host}/demo:latest-soci/-/usr/lib/os-release`);
      await field().press("Enter");
      await page.getByText('PRETTY_NAME="ocipeek demo 2"').first().waitFor();
      assert.equal(hash(), `#/${registry.host}/demo:latest-soci/-/usr/lib/os-release`);
    });

    test("a digest", async () => {
      await start();
      await field().fill(`${registry.host}/demo@${IMAGE}`);
      await field().press("Enter");
      await openedWhole();
      assert.equal(hash(), `#/${registry.host}/demo@${IMAGE}/-/`);
    });

    test("what is none is refused in place, with the reason", async () => {
      await start();
      await field().fill("Some/Image");
      await field().press("Enter");
      await page.getByText("Repositories are written in lower case: some/image").waitFor();
      assert.equal(await field().getAttribute("aria-invalid"), "true");
      assert.equal(hash(), "");
    });
  });

  describe("suggestions", () => {
    test("of earlier visits and the demo, by keyboard; visits can be forgotten", async () => {
      await start();
      const recent = page.getByRole("region", { name: "Recent" });
      const links = recent.getByRole("link");
      const digest = `${registry.host}/demo@${IMAGE}`;
      assert.equal(await links.first().textContent(), digest, "the newest first");
      assert.equal(await links.count(), 3, "each once");
      await field().fill("demo");
      const options = page.getByRole("option");
      assert.equal(await options.count(), 3, "the demo itself is one of the visits");
      await field().press("ArrowDown");
      await field().press("ArrowDown");
      const second = options.nth(1);
      assert.equal(await second.getAttribute("aria-selected"), "true");
      assert.equal(await field().getAttribute("aria-activedescendant"), await second.getAttribute("id"));
      await field().press("Escape");
      assert.equal(await options.count(), 0);
      await field().press("ArrowUp");
      assert.equal(await options.nth(2).getAttribute("aria-selected"), "true");
      await field().press("ArrowDown");
      await field().press("ArrowDown");
      await field().press("Enter");
      await openedWhole();
      assert.equal(hash(), `#/${digest}/-/`);

      await start();
      await recent.getByRole("button", { name: `Forget ${digest}` }).click();
      assert.equal(await links.count(), 2);
      await page.reload();
      await field().waitFor();
      assert.equal(await links.count(), 2, "it stays forgotten");
      await recent.getByRole("button", { name: "Forget all" }).click();
      await recent.waitFor({ state: "detached" });
      assert.equal(await page.evaluate(() => localStorage.getItem("ocipeek.history")), null);
      const demo = page.getByRole("region", { name: "To try" }).getByRole("link");
      assert.equal(await demo.textContent(), `${registry.host}/demo:latest-soci`);
    });
  });

  describe("pickers", () => {
    test("another tag, and one that the list does not have", async () => {
      await page.goto(`${site.url}#/${registry.host}/demo:latest-soci/-/etc`);
      await opened();
      await page.getByRole("button", { name: "Tags: latest-soci" }).click();
      const tags = page.getByRole("list", { name: "Tags" }).getByRole("link");
      await tags.filter({ hasText: "latest-soci-4m" }).waitFor();
      assert.equal(await tags.first().textContent(), "latest");
      const find = page.getByRole("textbox", { name: "Find or type a tag" });
      await find.fill("4m");
      assert.equal(await tags.last().textContent(), "latest-soci-4m");
      await find.fill("latest-soci-4m");
      await find.press("Enter");
      await page.getByRole("button", { name: "Tags: latest-soci-4m" }).waitFor();
      assert.equal(hash(), `#/${registry.host}/demo:latest-soci-4m/-/etc`, "the path stays");
      await page.getByRole("button", { name: "Tags: latest-soci-4m" }).click();
      await find.fill("no-such");
      await page.getByRole("link", { name: "no-such" }).click();
      await page.getByRole("heading", { name: "No such image" }).waitFor();
    });

    test("another platform", async () => {
      await page.goto(`${site.url}#/${registry.host}/demo:two/-/etc`);
      await openedWhole();
      const platform = page.getByRole("combobox", { name: "Platform" });
      assert.equal(await platform.inputValue(), "linux/amd64");
      await platform.selectOption("linux/arm64");
      await page.waitForURL(/platform=linux\/arm64/);
      await openedWhole();
      assert.equal(await platform.inputValue(), "linux/arm64");
      await page.goBack();
      await page.waitForURL((url) => !url.hash.includes("platform"));
      await openedWhole();
      assert.equal(await platform.inputValue(), "linux/amd64");
    });
  });

  describe("from the disk", () => {
    /** What the engine gives for files, by the page's own copy of it: shown texts equal the fixture's. */
    const shows = async () => {
      await opened();
      const base = hash().replace(/\/-\/.*$/, "");
      const query = /\?.*$/.exec(hash())?.[0] ?? "";
      await page.evaluate((to) => {
        location.hash = to;
      }, `${base}/-/usr/lib/os-release${query}`);
      await page.getByText('PRETTY_NAME="ocipeek demo 2"').first().waitFor();
      const entry = merged().find(
        (it) => it.path === "/usr/lib/os-release" || it.path === "usr/lib/os-release",
      );
      assert.ok(entry);
    };
    const choose = async (path, isFolder = false) => {
      const name = isFolder ? "Choose a folder …" : "Choose a tar …";
      const chooser = page.waitForEvent("filechooser");
      await page.getByRole("button", { name }).click();
      await (await chooser).setFiles(path);
    };
    const at = (name) => join(folder.path, name);

    test("an OCI layout's tar with several images, of which one is chosen", async () => {
      await saveLayout(at("demo.tar"));
      await start();
      await choose(at("demo.tar"));
      const list = page.getByRole("list", { name: /^demo\.tar holds \d+ images/ });
      await list.waitFor();
      const names = await list.getByRole("link").allTextContents();
      assert.deepEqual(names.filter((name) => name.startsWith("latest")).sort(), [
        "latest",
        "latest-soci",
        "latest-soci-4m",
        "latest-soci-head",
      ]);
      await list.getByRole("link", { name: "latest-soci", exact: true }).click();
      await shows();
      assert.match(hash(), /^#\/file:demo\.tar\/-\/usr\/lib\/os-release\?tag=latest-soci$/);
      // Another one of it, by the picker.
      await page.getByRole("button", { name: "Images in this file: latest-soci" }).click();
      await page.getByRole("link", { name: "latest", exact: true }).click();
      await page.waitForURL(/tag=latest$/);
      await page.getByText('PRETTY_NAME="ocipeek demo 2"').first().waitFor();
      assert.equal(
        await page.evaluate(() => localStorage.getItem("ocipeek.history")?.includes("file:") ?? false),
        false,
      );
    });

    test("a local file of an earlier visit is asked for again", async () => {
      await page.reload();
      await page.getByRole("button", { name: "Choose the tar …" }).waitFor();
      const chooser = page.waitForEvent("filechooser");
      await page.getByRole("button", { name: "Choose the tar …" }).click();
      await (await chooser).setFiles(at("demo.tar"));
      await page.getByText('PRETTY_NAME="ocipeek demo 2"').first().waitFor();
      assert.match(hash(), /tag=latest$/);
    });

    test("what an old docker save wrote, dropped anywhere", async () => {
      await saveOld(at("old.tar"), at("old"), { names: ["demo:latest"], others: ["ghcr.io/x/base:1"] });
      await page.goto(`${site.url}#/${registry.host}/demo:latest-soci/-/`);
      await opened();
      await drop(page, at("old.tar"));
      const list = page.getByRole("list", { name: "old.tar holds 2 images. Which one?" });
      await list.waitFor();
      assert.deepEqual(await list.getByRole("link").allTextContents(), [
        "docker.io/library/demo:latest",
        "ghcr.io/x/base:1",
      ]);
      await list.getByRole("link", { name: "docker.io/library/demo:latest" }).click();
      await shows();
    });

    test("what a docker save of today wrote", async () => {
      await saveNew(at("new.tar"), at("new"));
      await start();
      await choose(at("new.tar"));
      await shows();
    });

    test("a .tar.gz, dropped, and a .tar.zst, chosen", async () => {
      await saveOld(at("zipped.tar"), at("zipped"));
      writeFileSync(at("zipped.tar.gz"), gzipSync(readFileSync(at("zipped.tar"))));
      await start();
      await drop(page, at("zipped.tar.gz"));
      await shows();
      await saveLayout(at("zst.tar"));
      await run("zstd", ["-q", at("zst.tar")]);
      await start();
      await choose(at("zst.tar.zst"));
      await page
        .getByRole("list", { name: /^zst.tar.zst holds/ })
        .getByRole("link", { name: "latest-soci", exact: true })
        .click();
      await shows();
    });

    test("a folder with an OCI layout in it", async () => {
      copyLayout(at("folder/layout"));
      writeFileSync(at("folder/readme"), "not of it");
      await start();
      await choose(at("folder"), true);
      await page
        .getByRole("list", { name: /^layout holds/ })
        .getByRole("link", { name: "latest-soci-4m" })
        .click();
      await shows();
    });

    test("a folder with an unpacked docker save", async () => {
      saveOldFolder(at("unpacked"));
      await start();
      await choose(at("unpacked"), true);
      await shows();
    });

    test("what cannot be opened says why, and what to do", async () => {
      const wrong = async (name, bytes, said) => {
        writeFileSync(at(name), bytes);
        await start();
        await choose(at(name));
        await page.getByRole("alert").getByText(said).waitFor();
      };
      await wrong("x.tar.gz", gzipSync("x"), /tar is cut off/);
      await wrong("x.tar.xz", Buffer.from("fd377a585a000004e6d6b446", "hex"), /compressed by xz/);
      await wrong("x.tar", "no tar".repeat(500), /tar/);
      mkdirSync(at("empty"));
      writeFileSync(at("empty/readme"), "");
      await start();
      await choose(at("empty"), true);
      await page
        .getByRole("alert")
        .getByText(/holds no image/)
        .waitFor();
    });

    test("a damaged layer of a docker save, by its digest", async () => {
      const name = createHash("sha256").update("layer 0").digest("hex");
      saveOldFolder(at("damaged"));
      writeFileSync(at(`damaged/${name}/layer.tar`), "other bytes".repeat(1000));
      await start();
      await choose(at("damaged"), true);
      await page.getByRole("alert").getByText("DIGEST_MISMATCH").first().waitFor();
    });
  });

  describe("a private registry", () => {
    const secret = () =>
      page.evaluate(() =>
        JSON.stringify([{ ...localStorage }, { ...sessionStorage }, location.href, document.cookie]),
      );

    test("asks for a name and a token, which stay in memory", async () => {
      await page.goto(`${site.url}#/${locked.host}/demo:latest-soci/-/`);
      const form = page.getByRole("form", { name: `Sign in to ${locked.host}` });
      await form.getByText(/Kept in this tab’s memory and nowhere else/).waitFor();
      await form.getByLabel("User name").fill(USER);
      await form.getByLabel("Password or token").fill("wrong");
      const refused = page.waitForResponse((it) => it.status() === 401 && it.url().includes("/-/v2/"));
      await form.getByRole("button", { name: "Sign in" }).click();
      await refused;
      await form.getByLabel("Password or token").waitFor();
      await form.getByLabel("User name").fill(USER);
      await form.getByLabel("Password or token").fill(PASSWORD);
      await form.getByLabel("Password or token").press("Enter");
      await opened();
      assert.ok(!(await secret()).includes("sesame"));
      await page.reload();
      await form.getByLabel("User name").waitFor();
    });

    test("from the start page, and out again", async () => {
      await start();
      const part = page.getByRole("region", { name: "Private registry" });
      await part.getByRole("button", { name: "Sign in …" }).click();
      await part.getByRole("textbox", { name: "Registry" }).fill(locked.host);
      await part.getByRole("button", { name: "Sign in", exact: true }).click();
      await part.getByRole("alert").getByText("Please fill in the user name.").waitFor();
      await part.getByLabel("User name").fill(USER);
      await part.getByLabel("Password or token").fill(PASSWORD);
      await part.getByRole("button", { name: "Sign in", exact: true }).click();
      await part.getByText(`${locked.host} as ${USER}`).waitFor();
      await field().fill(`${locked.host}/demo:latest-soci`);
      await field().press("Enter");
      await opened();
      await page.getByRole("link", { name: "ocipeek" }).first().click();
      await part.getByRole("button", { name: "Sign out" }).click();
      await part.getByText(`as ${USER}`).waitFor({ state: "detached" });
      await field().fill(`${locked.host}/demo:latest-soci`);
      await field().press("Enter");
      await page.getByRole("form", { name: `Sign in to ${locked.host}` }).waitFor();
    });
  });
});

/** Drops a file on the page, as its bytes. */
async function drop(page, file) {
  const { readFileSync } = await import("node:fs");
  const base64 = readFileSync(file).toString("base64");
  const data = await page.evaluateHandle(
    async ([base64, name]) => {
      const blob = await (await fetch(`data:;base64,${base64}`).catch(() => null))?.blob();
      const bytes = blob ?? Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      const data = new DataTransfer();
      data.items.add(new File([bytes], name));
      return data;
    },
    [base64, file.split("/").at(-1)],
  );
  for (const type of ["dragenter", "dragover"])
    await page.dispatchEvent("body", type, { dataTransfer: data });
  await page.getByText("Drop it to open it").waitFor();
  await page.dispatchEvent("body", "drop", { dataTransfer: data });
}

/** The demo as the tag `two`, said to be for two platforms. */
async function pushTwoPlatforms(host) {
  const { bytes, mediaType } = layout.manifests.get(IMAGE);
  const entry = (architecture) => ({
    mediaType,
    digest: IMAGE,
    size: bytes.length,
    platform: { os: "linux", architecture },
  });
  const type = "application/vnd.oci.image.index.v1+json";
  const index = { schemaVersion: 2, mediaType: type, manifests: [entry("amd64"), entry("arm64")] };
  const answer = await fetch(`http://${host}/v2/demo/manifests/two`, {
    method: "PUT",
    headers: { "Content-Type": type },
    body: JSON.stringify(index),
  });
  assert.equal(answer.status, 201, DEMO);
}
