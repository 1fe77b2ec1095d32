/** Queries of a tree's filter. @module */

/** Whether a query is a glob (docs/globs.md); else it is a part of a path. */
export function isGlob(query: string): boolean {
  return /[*?[{]/.test(query);
}
