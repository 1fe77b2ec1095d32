import { readZtoc, type ZtocEntry, type ZtocFacts } from "../../../js/build/entry/node.js";
import { argument, type Command } from "../../command.js";
import { escapeBytes, escapeText } from "../../escape.js";
import { chosenSize, siSize, table } from "../../format.js";
import type { Session } from "../../session.js";
import { IMAGE, NO_IMAGE, ztocBytes } from "./options.js";

/** The words of the format for what an entry is, where they are not ours. */
const TYPES: Partial<Record<ZtocEntry["type"], string>> = {
  file: "reg",
  directory: "dir",
  "char-device": "char",
  "block-device": "block",
};

async function run(session: Session): Promise<void> {
  const bytes = await ztocBytes(session, argument(session, 0));
  const facts = await readZtoc(bytes, { limits: session.args.limits() });
  const files = facts.entries.map((entry) => ({ entry, spans: spansOf(facts, entry) }));
  const several = files.filter(({ spans: [first, last] }) => first !== last).length;
  const compression = facts.compression === "none" ? "none" : "gzip";
  const typeOf = ({ type }: ZtocEntry): string => TYPES[type] ?? type;
  const json = {
    version: facts.version,
    build_tool: facts.buildTool,
    size: bytes.length,
    span_size: facts.spanSize,
    num_spans: facts.spans.length,
    num_files: files.length,
    num_multi_span_files: several,
    files: files.map(({ entry, spans: [start_span, end_span] }) => {
      const { name: filename, offset, size } = entry;
      return { filename, offset, size, type: typeOf(entry), start_span, end_span };
    }),
  };
  const rows = files.map(({ entry, spans: [first, last] }) => {
    const spans = first === last ? String(first) : `${first}-${last}`;
    return [typeOf(entry), String(entry.offset), String(entry.size), spans, escapeBytes(entry.nameBytes)];
  });
  await session.print(json, () => [
    `Version:     ${escapeText(facts.version)}`,
    `Built by:    ${escapeText(facts.buildTool)}`,
    `Size:        ${siSize(bytes.length)}`,
    `Layer:       ${facts.layerSize} bytes, ${facts.archiveSize} bytes of tar; compression: ${compression}`,
    `Spans:       ${facts.spans.length}, of ${chosenSize(facts.spanSize)}`,
    `Files:       ${files.length}, ${several} in several spans`,
    "",
    ...table([["TYPE", "OFFSET", "SIZE", "SPANS", "NAME"], ...rows], [1, 2, 3]),
  ]);
}

/** The spans from an entry's first byte to behind its last, as the reference counts them. */
function spansOf({ spans }: ZtocFacts, { offset, size }: ZtocEntry): readonly [number, number] {
  return [spanAt(spans, offset), spanAt(spans, offset + size)];
}

function spanAt(spans: ZtocFacts["spans"], offset: number): number {
  let low = 0;
  let high = spans.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((spans[middle]?.output[0] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

export const info: Command = {
  name: "ztoc info",
  summary: "show the spans and the files of a zTOC",
  usage: "ZTOC [--image IMAGE]",
  details: `ZTOC is a file, - for standard input, or with --image a digest. --json prints the fields that AWS's \`soci ztoc info\` prints.`,
  options: IMAGE,
  refuses: NO_IMAGE,
  arity: [1, 1],
  run,
};
