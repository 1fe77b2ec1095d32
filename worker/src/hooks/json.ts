/** Fields of JSON that somebody else wrote: each read is checked, none throws. @module */

import { isObject } from "../../../js/common/json.ts";

/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>;

/** The value where it is an object, else an empty one. */
export function object(value: unknown): Json {
  return isObject(value) ? value : {};
}

/** The field of an object itself, not of what it inherits. */
export function field(value: unknown, name: string): unknown {
  const of = object(value);
  return Object.hasOwn(of, name) ? of[name] : undefined;
}

/** The field where it is text that is not empty, of `max` characters at most. */
export function text(value: unknown, name: string, max = 1024): string | undefined {
  const found = field(value, name);
  return typeof found === "string" && found !== "" && found.length <= max ? found : undefined;
}

/** The field where it is a list. */
export function list(value: unknown, name: string): readonly unknown[] | undefined {
  const found = field(value, name);
  return Array.isArray(found) ? found : undefined;
}

/** Fields that are text, under other names: `names` has for each the one that it has in `value`. */
export function texts<K extends string>(
  value: unknown,
  names: Record<K, string>,
): { [name in K]?: string | undefined } {
  return Object.fromEntries(Object.entries<string>(names).map(([as, name]) => [as, text(value, name)])) as {
    [name in K]?: string | undefined;
  };
}
