// The public API of the crate as text, out of what `cargo doc` wrote: items that are not hidden, with what they declare.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const ENTITIES = { lt: "<", gt: ">", amp: "&", quot: '"', "#39": "'", nbsp: " " };

/** The text of rustdoc's HTML. */
const textOf = (html) =>
  html
    .replace(/<summary[^>]*>[\s\S]*?<\/summary>|<div class="where">/g, " ")
    .replace(
      /<span class="(?:notable-traits|tooltiptext)[\s\S]*?<\/span>|<a [^>]*class="tooltip"[\s\S]*?<\/a>/g,
      "",
    )
    .replace(/<[^>]*>/g, "")
    .replace(/&([a-z]+|#39);/g, (entity, name) => ENTITIES[name] ?? entity)
    .replace(/[^\S\n]+$/gm, "");

const all = (html, pattern) => Array.from(html.matchAll(pattern), ([, it]) => textOf(it).trim());

/** An item's page: its declaration and the methods and variants that are its own. */
function item(page) {
  const [own] = page.split(
    /<h2 id="(?:trait-implementations|synthetic-implementations|foreign-impls|implementors)"/,
  );
  const declaration = all(own, /<pre class="rust item-decl"><code>([\s\S]*?)<\/code><\/pre>/g);
  const [, , inherent = ""] = /<h2 id="(implementations|variants)"([\s\S]*)$/.exec(own) ?? [];
  const methods = all(
    inherent,
    /<section id="(?:method|associatedconstant)[^>]*>[\s\S]*?<h4 class="code-header">([\s\S]*?)<\/h4>/g,
  );
  return [...declaration, ...methods.map((it) => `    ${it.replace(/\s+/g, " ")}`)];
}

/** Of the crate whose documentation is in `folder`. */
export function crateApi(folder) {
  const read = (file) => readFileSync(join(folder, file), "utf8");
  const links = Array.from(
    read("all.html").matchAll(/<li><a href="([^"]+)">([^<]+)<\/a><\/li>/g),
    ([, file, name]) => ({ file, name }),
  );
  const lines = [`${links.length} items`, ""];
  for (const { file, name } of links.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    lines.push(`# ${name}`, ...item(read(file)), "");
  }
  return lines.join("\n");
}
