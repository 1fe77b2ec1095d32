// Compares an image in any lazy format with what is expected of it. Uses only what every runtime has.

const TYPES = {
  reg: "file",
  dir: "directory",
  symlink: "symlink",
  char: "char-device",
  block: "block-device",
  fifo: "fifo",
};
const hex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
const sha256 = async (bytes) => hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));

/**
 * Reads all of `reference`.
 * @returns {Promise<{ problems: string[], files: number, cold: string[], readers: string[] }>} `cold`: what opening it and
 * reading `cold` first asked for
 */
export async function checkFormat(open, { reference, options = {}, format, expected, cold }) {
  const problems = [];
  const equal = (where, what, actual, wanted) => {
    if (actual !== wanted)
      problems.push(`${where}: ${what} is ${String(actual)}, expected ${String(wanted)}`);
  };
  const image = await open(reference, { ...options, ...format.options });
  try {
    await image.readFile(cold);
    const log = image.stats.log.map(({ purpose, range, bytes }) =>
      [purpose, range && `${range[0]}-${range[1]}`, bytes].filter((part) => part !== undefined).join(" "),
    );
    const shown = new Map();
    for await (const stats of image.walk("/")) shown.set(stats.path.slice(1), stats);
    if (format.loses.includes("lost+found") && !shown.delete("lost+found")) problems.push("no lost+found");
    equal(
      "/",
      "paths",
      [...shown.keys()].sort().join(),
      expected
        .map((line) => line.path)
        .sort()
        .join(),
    );
    let files = 0;
    for (const line of expected) {
      const where = line.path;
      const stats = shown.get(where);
      if (!stats) continue;
      equal(where, "type", stats.type, TYPES[line.type]);
      for (const key of ["mode", "uid", "gid"]) equal(where, key, stats[key], line[key]);
      equal(where, "mtime", Number(stats.mtimeNs / 1_000_000_000n), line.mtime);
      equal(where, "linkname", stats.linkname, line.link);
      equal(where, "devices", `${stats.devMajor},${stats.devMinor}`, String(line.dev ?? [0, 0]));
      if (!format.loses.includes("hardlinks")) {
        equal(where, "hardlinkOf", stats.hardlinkOf, line.hardlink_of && `/${line.hardlink_of}`);
      }
      const xattrs = [...stats.xattrs].map(([name, value]) => [name, hex(value)]).sort();
      equal(
        where,
        "xattrs",
        JSON.stringify(xattrs),
        JSON.stringify(Object.entries(line.xattrs_hex ?? {}).sort()),
      );
      const { metadata, content } = stats.verified;
      equal(where, "verified", `${metadata} ${content}`, `${format.metadata} ${format.content}`);
      if (line.type !== "reg") continue;
      files += 1;
      equal(where, "size", stats.size, line.size);
      equal(where, "sha256", await sha256(await image.readFile(`/${where}`)), line.sha256);
    }
    for (const layer of image.layers) equal(`layer ${layer.index}`, "read", layer.read, format.read);
    return {
      problems,
      files,
      cold: log,
      readers: image.layers.map(({ reader }) => `${reader.name} ${reader.found}`),
    };
  } finally {
    await image.close();
  }
}
