// What a person does with a page, written once for every browser: finds things by role and name, clicks, types, reads,
// saves. Each step waits for what it needs.
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * One page of a browser.
 * @typedef {object} Driver
 * @property {string} downloads the folder that the browser saves into
 * @property {(url: string) => Promise<unknown>} goto
 * @property {(expression: string) => Promise<any>} evaluate gives what JSON can hold
 * @property {(x: number, y: number) => Promise<unknown>} click
 * @property {(text: string) => Promise<unknown>} type
 * @property {(key: "Enter" | "Escape") => Promise<unknown>} press
 * @property {(size: { width: number, height: number }) => Promise<unknown>} resize of the page's own area
 * @property {() => Promise<Uint8Array>} screenshot
 * @property {() => string[]} errors what the page's console was told of errors so far
 * @property {() => Promise<unknown>} close
 */

/** Milliseconds for a thing to come: many, as the machine may be busy. */
const PATIENCE = 30_000;
const LOOK_EACH = 50;
/** How browsers name a file that is not whole yet. */
const PARTIAL = /\.(part|crdownload|wkdownload)$/;

/** In the page: the first thing in sight with this role and this accessible name, of those that the page uses. */
function find(role, name) {
  const selector = {
    link: "a[href]",
    button: "button",
    textbox: "input[type=text], input:not([type])",
    combobox: "[role=combobox], select",
    table: "table",
    heading: "h1, h2, h3",
  }[role];
  /** As the names of roles are computed: what is hidden is left out, what is no part of a line stands apart. */
  const textOf = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return node.data;
    if (node.nodeType !== Node.ELEMENT_NODE || node.getAttribute("aria-hidden") === "true") return "";
    const text = [...node.childNodes].map(textOf).join("");
    return getComputedStyle(node).display === "inline" ? text : ` ${text} `;
  };
  const nameOf = (it) => {
    const label = document.getElementById(it.getAttribute("aria-labelledby")) ?? it.labels?.[0] ?? it;
    return (it.getAttribute("aria-label") ?? textOf(label)).replace(/\s+/g, " ").trim();
  };
  return [...document.querySelectorAll(selector ?? `[role=${role}]`)].find(
    (it) =>
      it.getClientRects().length > 0 &&
      (typeof name === "string" ? nameOf(it) === name : name.test(nameOf(it))),
  );
}

/** In the page: where to click a thing, once nothing else lies over it. */
function spotOf(it) {
  it.scrollIntoView({ block: "nearest", inline: "nearest" });
  const { x, y, width, height } = it.getBoundingClientRect();
  const [left, top] = [Math.round(x + width / 2), Math.round(y + height / 2)];
  return it.contains(document.elementFromPoint(left, top)) ? [left, top] : null;
}

/** In the page: makes a field's text what is typed over. */
function selectText(it) {
  it.select();
  return document.activeElement === it;
}

/** A person at a browser's page. */
export class Hand {
  #driver;

  /** @param {Driver} driver */
  constructor(driver) {
    this.#driver = driver;
  }

  goto(url) {
    return this.#driver.goto(url);
  }

  press(key) {
    return this.#driver.press(key);
  }

  resize(size) {
    return this.#driver.resize(size);
  }

  errors() {
    return this.#driver.errors();
  }

  /**
   * What a function gives in the page, of arguments that JSON and literals of regular expressions can hold.
   * @template T
   * @param {(...args: any[]) => T} inPage
   * @returns {Promise<T>}
   */
  ask(inPage, ...args) {
    const literals = args.map((it) => (it instanceof RegExp ? String(it) : JSON.stringify(it)));
    return this.#driver.evaluate(`(${inPage})(${literals.join(", ")})`);
  }

  /**
   * Waits until a question has an answer that is neither empty nor false, and gives it.
   * @template T
   * @param {string} what
   * @param {() => T | Promise<T>} question
   * @returns {Promise<T>}
   */
  async until(what, question) {
    for (const end = Date.now() + PATIENCE; Date.now() < end; ) {
      const answer = await question();
      if (answer) return answer;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EACH));
    }
    throw new Error(`${what} did not come`);
  }

  /** Waits until the page holds this text at the selector, as it is read by people. */
  sees(selector, /** @type {RegExp} */ text) {
    return this.until(`${selector} with ${text}`, () =>
      this.ask(
        (selector, text) => [...document.querySelectorAll(selector)].some((it) => text.test(it.innerText)),
        selector,
        text,
      ),
    );
  }

  /** Waits for a thing. */
  finds(role, name) {
    return this.#once(role, name, "() => true");
  }

  /** Clicks a thing where it has come to rest. */
  async click(role, name) {
    let last = "";
    const [x, y] = await this.until(`${role} ${name} at rest, free to click`, async () => {
      const spot = await this.#now(role, name, spotOf);
      const rests = spot && String(spot) === last;
      last = String(spot);
      return rests && spot;
    });
    await this.#driver.click(x, y);
  }

  /** Types into a field, in place of what it holds. */
  async fill(role, name, text) {
    await this.click(role, name);
    await this.#once(role, name, selectText);
    await this.#driver.type(text);
  }

  /** The bytes of a file that the browser saved, once it is whole. */
  async saved(name) {
    const { downloads } = this.#driver;
    const file = join(downloads, name);
    await this.until(`download ${name}`, () => {
      const isPartial = readdirSync(downloads).some((it) => PARTIAL.test(it));
      return !isPartial && existsSync(file) && statSync(file).size > 0;
    });
    return readFileSync(file);
  }

  /** An error's cause as the page shows it: its address, its text, and a picture. */
  async witness() {
    const place = join(tmpdir(), `ocipeek-failed-${process.pid}.png`);
    writeFileSync(place, await this.#driver.screenshot());
    const seen = await this.ask(() => `${location.href}\n${document.body.innerText}`);
    return `${seen}\n${this.errors().join("\n")}\nA picture is in ${place}`;
  }

  /** What a function in the page gives of a thing, now. */
  #now(role, name, inPage) {
    const literal = name instanceof RegExp ? String(name) : JSON.stringify(name);
    return this.#driver.evaluate(
      `((it) => it ? (${inPage})(it) : null)((${find})(${JSON.stringify(role)}, ${literal}))`,
    );
  }

  #once(role, name, inPage) {
    return this.until(`${role} ${name}`, () => this.#now(role, name, inPage));
  }
}
