/** Tags in an order for people. @module */

const collator = new Intl.Collator("en", { numeric: true });

/** Those that hold `text`, in any case: names such as `latest` first, then versions from the newest. */
export function matchingTags<Item extends { tag: string }>(items: Item[], text: string): Item[] {
  const wanted = text.trim().toLowerCase();
  return items
    .filter(({ tag }) => tag.toLowerCase().includes(wanted))
    .sort((a, b) => rank(a.tag, wanted) - rank(b.tag, wanted) || collator.compare(b.tag, a.tag));
}

function rank(tag: string, wanted: string): number {
  if (tag.toLowerCase() === wanted) return 0;
  if (tag === "latest") return 1;
  // Signatures and indexes of other manifests are tagged by these.
  if (/^sha256-[0-9a-f]{64}/.test(tag)) return 3;
  return 2;
}
