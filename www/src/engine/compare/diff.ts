/** One file on both sides of a comparison. @module */

import type {
  DiffHunk,
  DiffLine,
  FileDiff,
  FileDiffContent,
  FileFacts,
  FileRef,
} from "../../protocol/api.ts";
import { firstDifference } from "../../protocol/catalogue.ts";
import type { CallContext } from "../../protocol/rpc.ts";
import { failureOf } from "../failure.ts";
import type { Files } from "../files/files.ts";

/** Files up to this size are read to be compared line by line. */
export const MAX_DIFF_BYTES = 4 << 20;

/** After so many milliseconds, texts count as too different. */
const TIMEOUT = 1000;
/** Longer lines are not compared word by word. */
const MAX_LINE = 2000;
/** A byte of zero in the first so many bytes makes a file binary, as for git. */
const SNIFFED = 8000;
const MISSING = ["ENOENT", "ENOTDIR", "ELOOP"];

/** Both sides of a path, and how they differ. */
export async function diff(
  context: CallContext,
  files: Files,
  left: FileRef,
  right: FileRef,
  around: number,
): Promise<FileDiff> {
  const [a, b] = await Promise.all([left, right].map((ref) => factsIfThere(context, files, ref)));
  const content = await contentOf(context, files, [left, a], [right, b], around);
  return { left: a, right: b, content };
}

async function factsIfThere(context: CallContext, files: Files, ref: FileRef) {
  try {
    return await files.stat(context, ref, false);
  } catch (error) {
    if (MISSING.includes(failureOf(error).code)) return undefined;
    throw error;
  }
}

type OnSide = [FileRef, FileFacts | undefined];

async function contentOf(
  context: CallContext,
  files: Files,
  [left, a]: OnSide,
  [right, b]: OnSide,
  around: number,
): Promise<FileDiffContent> {
  const isFile = (facts: FileFacts | undefined): boolean => facts === undefined || facts.type === "file";
  if (!isFile(a) || !isFile(b) || (!a && !b)) return { kind: "none" };
  if (Math.max(a?.size ?? 0, b?.size ?? 0) > MAX_DIFF_BYTES)
    return { kind: "large", maxBytes: MAX_DIFF_BYTES };
  // Not by `transfer`: what `read` hands over would be gone here.
  const inner: CallContext = { ...context, signal: context.signal, transfer: () => {} };
  const bytesOf = async ([ref, facts]: OnSide): Promise<Uint8Array> =>
    facts ? (await files.read(inner, ref)).data : new Uint8Array(0);
  const [x, y] = await Promise.all([bytesOf([left, a]), bytesOf([right, b])]);
  const at = firstDifference(x, y);
  if (a && b && at === undefined) return { kind: "same" };
  if (isBinary(x) || isBinary(y)) return { kind: "binary", firstDifference: at ?? 0 };
  return diffTexts(textOf(x), textOf(y), around);
}

function isBinary(bytes: Uint8Array): boolean {
  return bytes.subarray(0, SNIFFED).includes(0);
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** The lines that differ, with `around` lines about them. The library comes on demand. */
export async function diffTexts(left: string, right: string, around: number): Promise<FileDiffContent> {
  const { diffWordsWithSpace, structuredPatch } = await import("diff");
  const patch = structuredPatch("", "", left, right, undefined, undefined, {
    context: around,
    timeout: TIMEOUT,
  });
  if (!patch) return { kind: "unlike" };
  let [added, removed] = [0, 0];
  const hunks = patch.hunks.map((hunk): DiffHunk => {
    let [atLeft, atRight] = [hunk.oldStart, hunk.newStart];
    const lines: DiffLine[] = [];
    for (const line of hunk.lines) {
      const text = line.slice(1);
      const parts = [{ text, differs: false }];
      if (line.startsWith("+")) {
        lines.push({ kind: "added", right: atRight++, parts });
        added++;
      } else if (line.startsWith("-")) {
        lines.push({ kind: "removed", left: atLeft++, parts });
        removed++;
      } else if (line.startsWith(" ")) {
        lines.push({ kind: "same", left: atLeft++, right: atRight++, parts });
      }
    }
    markWords(lines, diffWordsWithSpace);
    return { lines };
  });
  return { kind: "text", hunks, added, removed };
}

type DiffWords = (a: string, b: string, options: { timeout: number }) => WordChange[] | undefined;
interface WordChange {
  value: string;
  added?: boolean;
  removed?: boolean;
}

/** Where as many lines are removed as are added in their place, marks the words that differ. */
function markWords(lines: DiffLine[], diffWords: DiffWords): void {
  for (let start = 0; start < lines.length; ) {
    const removed = run(lines, start, "removed");
    const added = run(lines, start + removed, "added");
    if (removed > 0 && removed === added) {
      for (let i = start; i < start + removed; i++) markPair(lines[i], lines[i + removed], diffWords);
    }
    start += Math.max(1, removed + added);
  }
}

function run(lines: readonly DiffLine[], start: number, kind: DiffLine["kind"]): number {
  let length = 0;
  while (lines[start + length]?.kind === kind) length++;
  return length;
}

function markPair(old: DiffLine | undefined, now: DiffLine | undefined, diffWords: DiffWords): void {
  const [a, b] = [old?.parts[0]?.text ?? "", now?.parts[0]?.text ?? ""];
  if (!old || !now || a.length > MAX_LINE || b.length > MAX_LINE) return;
  const changes = diffWords(a, b, { timeout: 50 });
  // Without anything in common there is nothing to point at.
  if (!changes?.some((it) => !it.added && !it.removed && it.value.trim() !== "")) return;
  const parts = (without: "added" | "removed"): DiffLine["parts"] =>
    changes
      .filter((it) => !it[without])
      .map((it) => ({ text: it.value, differs: Boolean(it.added || it.removed) }));
  old.parts = parts("added");
  now.parts = parts("removed");
}
