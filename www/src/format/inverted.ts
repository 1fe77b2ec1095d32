/** Tables that are written the shorter way round. @module */

/** The key of each word: `{ c: "c h" }` gives `c` for `c` and for `h`. */
export function inverted<Key extends string>(table: Record<Key, string>): Map<string, Key> {
  const pairs = Object.entries<string>(table).flatMap(([key, words]) =>
    words.split(" ").map((word) => [word, key as Key] as const),
  );
  return new Map(pairs);
}
