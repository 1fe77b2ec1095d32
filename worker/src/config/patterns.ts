/** Patterns of names with `*`, as the configuration writes them. @module */

/** `*` in a pattern is any run of characters. */
export function matchesWildcard(pattern: string, segment: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return segment === pattern;
  if (!segment.startsWith(first) || segment.length < first.length + last.length) return false;
  let at = first.length;
  for (const piece of rest) {
    const found = segment.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return segment.endsWith(last) && at <= segment.length - last.length;
}

// Filters of pushes are patterns `repository:tag`, in which `*` goes over slashes too, as AWS's SOCI Index Builder has them. An
// image without a tag is `repository:`.

/** Problem of a filter of pushes, or nothing. */
export function filterProblem(pattern: string): string | undefined {
  if (pattern.length > 400) return "has more than 400 characters";
  if (!/^[A-Za-z0-9._*/-]+:[A-Za-z0-9._*-]+$/.test(pattern)) {
    return "is not repository:tag, of letters, digits, . _ - / and *";
  }
  return undefined;
}

/** The first filter of pushes that matches. */
export function matchingFilter(
  filters: readonly string[],
  { repository, tag }: { readonly repository: string; readonly tag: string | undefined },
): string | undefined {
  return filters.find((filter) => matchesWildcard(filter, `${repository}:${tag ?? ""}`));
}
