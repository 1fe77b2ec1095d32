// WebKit in a display of its own, by WebKitWebDriver's plain HTTP calls (https://www.w3.org/TR/webdriver2/).
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { miniBrowser, webkitDriver, xvfb } from "../../scripts/lib/tools.mjs";
import { freePort, startServer, tempFolder } from "./processes.mjs";

/** Milliseconds for one call. */
const PATIENCE = 60_000;
const KEYS = { Enter: "\uE007", Escape: "\uE00C" };
/** The browser's own buttons keep its window wider than a phone unless they have no room of their own. */
const NARROW = "button, entry, toolitem, image { min-width: 0; padding: 0; margin: 0; border: 0; }";

/** A browser with one page. @returns {Promise<import("./browser-hand.mjs").Driver>} */
export async function openWebKit() {
  const binary = miniBrowser();
  const program = webkitDriver();
  if (!binary || !program) throw new Error("WebKit is missing: run `npm run setup -- --tests`");
  const home = tempFolder("webkit");
  const started = [home.remove];
  const close = async () => {
    for (const stop of started.toReversed()) await stop();
  };
  try {
    const display = await startDisplay();
    started.push(display.stop);
    const port = await freePort();
    const origin = `http://127.0.0.1:${port}`;
    const server = await startServer(program, [`--port=${port}`], {
      url: `${origin}/status`,
      env: { DISPLAY: display.name, ...homeIn(home.path) },
    });
    started.push(server.stop);
    const options = { "webkitgtk:browserOptions": { binary, args: ["--automation"] } };
    const { sessionId } = await call(origin, "/session", { capabilities: { alwaysMatch: options } });
    const session = `${origin}/session/${sessionId}`;
    started.push(() => call(session, "").catch(() => {}));
    return {
      ...driverOf((path, body) => call(session, path, body)),
      downloads: join(home.path, "downloads"),
      // The driver tells nothing of the console.
      errors: () => [],
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What the driver answers; without a path the session ends, with a body it is a POST. */
async function call(base, path, body) {
  const answer = await fetch(base + path, {
    method: path === "" ? "DELETE" : body ? "POST" : "GET",
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(PATIENCE),
  });
  const { value } = await answer.json();
  if (!answer.ok) throw new Error(`${path}: ${value.error}: ${value.message}`);
  return value;
}

/** What a session's calls do of a {@link import("./browser-hand.mjs").Driver}. */
function driverOf(call) {
  const evaluate = (expression) => call("/execute/sync", { script: `return ${expression};`, args: [] });
  const act = (source) => call("/actions", { actions: [source] });
  const keys = (text) =>
    act({
      type: "key",
      id: "keyboard",
      actions: [...text].flatMap((value) => [
        { type: "keyDown", value },
        { type: "keyUp", value },
      ]),
    });
  return {
    goto: (url) => call("/url", { url }),
    evaluate,
    click: (x, y) =>
      act({
        type: "pointer",
        id: "mouse",
        parameters: { pointerType: "mouse" },
        actions: [
          { type: "pointerMove", x, y },
          { type: "pointerDown", button: 0 },
          { type: "pointerUp", button: 0 },
        ],
      }),
    type: keys,
    press: (key) => keys(KEYS[key]),
    resize: async ({ width, height }) => {
      const place = { x: 0, y: 0, width };
      await call("/window/rect", { ...place, height });
      const bars = height - (await evaluate("innerHeight"));
      await call("/window/rect", { ...place, height: height + bars });
    },
    screenshot: async () => Buffer.from(await call("/screenshot"), "base64"),
  };
}

/** The environment of a browser that keeps everything in one folder, and speaks to nobody of the desktop. */
function homeIn(folder) {
  const config = join(folder, "config");
  mkdirSync(join(config, "gtk-3.0"), { recursive: true });
  mkdirSync(join(folder, "downloads"));
  writeFileSync(join(config, "gtk-3.0", "gtk.css"), NARROW);
  writeFileSync(join(config, "user-dirs.dirs"), `XDG_DOWNLOAD_DIR="${join(folder, "downloads")}"\n`);
  return {
    HOME: folder,
    XDG_CONFIG_HOME: config,
    XDG_CACHE_HOME: join(folder, "cache"),
    XDG_DATA_HOME: join(folder, "data"),
    DBUS_SESSION_BUS_ADDRESS: "disabled:",
    GIO_USE_VFS: "local",
    NO_AT_BRIDGE: "1",
    WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1",
  };
}

/** An X server without a screen; what it shows ends with it. */
async function startDisplay() {
  const program = xvfb();
  if (!program) throw new Error("Xvfb is missing: run `npm run setup -- --tests`");
  const args = ["-displayfd", "3", "-screen", "0", "1600x1200x24", "-nolisten", "tcp"];
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "ignore", "pipe"] });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const exit = once(child, "close");
  const number = await Promise.race([
    once(child.stdio[3], "data").then(([data]) => String(data).trim()),
    exit.then(([code]) => Promise.reject(new Error(`${program} ended with ${code}`))),
  ]);
  return {
    name: `:${number}`,
    stop: async () => {
      process.off("exit", kill);
      child.kill();
      await exit;
    },
  };
}
