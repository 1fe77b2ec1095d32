/** Numbers that stand for objects. @module */

let identities = 0;
const known = new WeakMap<object, number>();

/** A number that stands for an object or function, and says nothing of what is in it; 0 for none. */
export function identityOf(it: object | undefined): number {
  if (it === undefined) return 0;
  const identity = known.get(it) ?? ++identities;
  known.set(it, identity);
  return identity;
}
