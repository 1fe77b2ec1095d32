// Makes the glue of `wasm-bindgen --target web` survive a trap: wasm that failed in the middle of something (no memory
// left, a bug) is of no use any more, and neither are the objects that lead into it.
//
// The glue keeps its instance in variables of its module. It becomes a function that makes the glue of one instance, so
// that nothing of an old one can reach the memory of a new one: closures that the engine calls later, finalizers, objects.
// Every call into wasm is guarded. Whatever comes out of it as an exception, but what wasm-bindgen refuses, means that it is lost: then all promises that it
// made and has not settled are rejected, its requests and timers are ended, calls of its objects throw, and what the engine or a
// collector calls does nothing. The next `init` makes a new instance of the same module.
//
// An instance can be retired, too: memory of wasm never shrinks. Then its objects go on in it, and new ones are made by
// another instance; it gives up its memory once the last object is freed and the last call has ended.

/** What surrounds the glue of one instance. */
const BEFORE = `
const LOST = "the library failed in the middle of something, and what was open is lost; open it again: ";

function create() {
  let lost, live;
  /** Objects that lead into it, which were neither freed nor collected. */
  let objects = 0;
  const guarded = {}, waiting = new Set(), requests = new Set(), timers = new Set(), refused = new WeakSet();

  /** Gives up its memory, whoever still holds what led into it. */
  function drop(cause) {
    lost = Object.assign(new Error(LOST + (cause?.message ?? cause), { cause }), { code: "INTERNAL" });
    live = undefined;
    for (const name of Object.keys(guarded)) if (typeof guarded[name] !== "function") delete guarded[name];
    forget();
  }

  /** Ends the instance. */
  function lose(cause) {
    if (lost) return;
    drop(cause);
    for (const fail of [...waiting]) fail(lost);
    for (const request of requests) request.deref()?.abort();
    requests.clear();
    for (const timer of timers) clearTimeout(timer);
    timers.clear();
  }

  /** Ends it where nothing of it is in use: no object leads into it, and nobody waits for it. Says whether it has ended. */
  function leave() {
    if (!lost && objects === 0 && waiting.size === 0) {
      drop("it was not in use");
      for (const timer of timers) clearTimeout(timer);
    }
    return lost !== undefined;
  }

  /** The exports, of which no exception leaves the instance as it was. */
  function guard(exports) {
    live = exports;
    for (const [name, value] of Object.entries(exports)) {
      // Called by the engine, or by a collector: nobody is there to be told.
      const isSilent = /^__wbg_\\w+_free$|^__wbindgen_destroy_closure$|__invoke_/.test(name);
      guarded[name] = typeof value !== "function" ? value : (...args) => {
        if (!lost) {
          try {
            return live[name](...args);
          } catch (error) {
            if (!refused.has(error)) lose(error);
            else if (!isSilent) throw error;
          }
        }
        if (isSilent) return [];
        throw lost;
      };
    }
    return guarded;
  }

  /** Notes what wasm-bindgen refuses at the door, such as an object that was freed: nothing is lost by that. */
  function refusal(error) {
    refused.add(error);
    return error;
  }

  /** A promise that is rejected when the instance is lost. */
  function pending(executor) {
    return new Promise((resolve, reject) => {
      const fail = (error) => {
        waiting.delete(fail);
        reject(error);
      };
      waiting.add(fail);
      executor((value) => {
        waiting.delete(fail);
        resolve(value);
      }, fail);
    });
  }

  /** A timer, which a lost instance does not keep the process alive with. */
  function timer(callback, ms) {
    const id = setTimeout(() => {
      timers.delete(id);
      callback();
    }, ms);
    timers.add(id);
    return id;
  }

  function endTimer(id) {
    timers.delete(id);
    clearTimeout(id);
  }

  /** A controller of a request, which is aborted when the instance is lost. */
  function abortable() {
    const controller = new AbortController();
    if (typeof WeakRef !== "undefined") {
      if (requests.size > 64) for (const one of requests) if (!one.deref()) requests.delete(one);
      requests.add(new WeakRef(controller));
    }
    return controller;
  }

`;

const after = (caches, names) => `
  function forget() {
    ${caches.map((name) => `${name} = null;`).join(" ")} wasmInstance = undefined;
  }

  return {
    ${names.join(", ")}, initSync, init: __wbg_init, isLost: () => lost !== undefined, module: () => wasmModule,
    exports: () => live, leave,
  };
}

let current = create();
export let { ${names.join(", ")} } = current;

/** A new instance in place of a lost one; gives the module where that is compiled already. */
function renew() {
  if (!current.isLost()) return undefined;
  const compiled = current.module();
  current = create();
  ({ ${names.join(", ")} } = current);
  return compiled;
}

export function initSync(module) {
  const compiled = renew();
  return current.initSync(compiled ? { module: compiled } : module);
}

let starting;

/** From a module, bytes, a response or a URL. Whoever calls it while it is under way waits for the same. */
export default function init(from) {
  const compiled = renew();
  starting ??= current.init(compiled ? { module_or_path: compiled } : from).finally(() => {
    starting = undefined;
  });
  return starting;
}

/** Whether the instance has failed, so that it takes another \`init\`. */
export const isLost = () => current.isLost();

/** Bytes of memory that the instance has, which never become fewer. */
export const memorySize = () => current.exports()?.memory.buffer.byteLength ?? 0;

/**
 * Lets another instance make what is made from now on. Gives a function that says how many bytes the old one still
 * has reserved, nothing once it is gone; and nothing where there is no instance, or no second one could be had.
 */
export function retire() {
  const [old, compiled, leave] = [current.exports(), current.module(), current.leave];
  if (!old || !compiled || typeof WeakRef === "undefined") return undefined;
  const next = create();
  try {
    next.initSync({ module: compiled });
  } catch {
    return undefined;
  }
  current = next;
  ({ ${names.join(", ")} } = current);
  const held = new WeakRef(old);
  return () => (leave() ? undefined : held.deref()?.memoryHeld());
}
`;

/** The glue \`text\`, made so. Throws where it is not as it was when this was written. */
export function recoverable(text) {
  const names = [...text.matchAll(/^export (?:class|function) (\w+)/gm)].map(([, name]) => name);
  const caches = [...text.matchAll(/^let (cached\w+Memory0) = null;$/gm)].map(([, name]) => name);
  const once = (from, to) => {
    if (text.split(from).length !== 2) throw new Error(`the glue has changed: ${JSON.stringify(from)}`);
    text = text.replace(from, () => to);
  };
  if (names.length === 0 || caches.length === 0 || /^import /m.test(text)) {
    throw new Error("the glue has changed: it has no exports, no caches, or imports");
  }
  once("export { initSync, __wbg_init as default };\n", "");
  if (!/^let wasmModule, wasmInstance, wasm;$/m.test(text))
    throw new Error("the glue has changed: what holds the instance");
  once("    wasm = instance.exports;\n", "    wasm = guard(instance.exports);\n");
  // Where the module lies, the package's entries say, each as its runtime and bundlers understand it.
  const place =
    /\n {4}if \(module_or_path === undefined\) \{\n.*new URL\('\w+\.wasm', import\.meta\.url\);\n {4}\}\n/;
  if (!place.test(text)) throw new Error("the glue has changed: where it looks for the module");
  text = text.replace(place, "");
  text = text.replace(/^export (class|function) /gm, "$1 ");
  const counts = [
    [/^ *(?=\w+Finalization\.register\()/gm, "$&objects += 1; "],
    [/^ *(?=\w+Finalization\.unregister\(this\))/gm, "$&if (ptr) objects -= 1; "],
    [/(new FinalizationRegistry\(ptr => )(wasm\.\w+_free\(ptr, 1\))\)/g, "$1{ objects -= 1; $2; })"],
  ];
  for (const [pattern, to] of /** @type {[RegExp, string][]} */ (counts)) {
    const many = [...text.matchAll(pattern)].length;
    if (many < names.filter((name) => text.includes(`class ${name} `)).length)
      throw new Error(`the glue has changed: objects and their ends, ${pattern}`);
    text = text.replace(pattern, to);
  }
  text = text.replaceAll("new Promise(cb0)", "pending(cb0)");
  text = text.replaceAll("new AbortController()", "abortable()");
  text = text.replaceAll(" setTimeout(", " timer(").replaceAll(" clearTimeout(", " endTimer(");
  text = text.replace(
    /(__wbindgen_throw_\w+: function\(arg0, arg1\) \{\s*throw) (new Error\(getStringFromWasm0\(arg0, arg1\)\));/,
    "$1 refusal($2);",
  );
  // Named by their types, and by a hash only where the names would clash.
  if (/\bmake\w*Closure\(/.test(text) && !/\bwasm\.\w+__invoke_/.test(text)) {
    throw new Error("the glue has changed: how closures are called");
  }
  if (!text.includes("refusal(new Error")) throw new Error("the glue has changed: how wasm-bindgen throws");
  if (/\bnew Promise\b|^export\b/m.test(text))
    throw new Error("the glue has changed: its promises or exports");
  return [BEFORE, text, after(caches, names)].join("\n");
}
