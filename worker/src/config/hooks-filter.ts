/**
 * Which pushes count: patterns `repository:tag`, with `*` for any run of characters, slashes too, as AWS's SOCI Index
 * Builder has them. An image without a tag is `repository:`.
 * @module
 */
import { matchesWildcard } from "../registry/access.ts";

/** What is wrong with a pattern, or nothing. */
export function filterProblem(pattern: string): string | undefined {
  if (pattern.length > 400) return "has more than 400 characters";
  if (!/^[A-Za-z0-9._*/-]+:[A-Za-z0-9._*-]+$/.test(pattern)) {
    return "is not repository:tag, of letters, digits, . _ - / and *";
  }
  return undefined;
}

/** The first pattern that matches. */
export function matchingFilter(
  filters: readonly string[],
  { repository, tag }: { readonly repository: string; readonly tag: string | undefined },
): string | undefined {
  return filters.find((filter) => matchesWildcard(filter, `${repository}:${tag ?? ""}`));
}
