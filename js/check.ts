/** Mistakes of callers, which are told before anything is fetched. @module */
import { invalid } from "./errors.js";

type Test = (value: unknown) => boolean;

const isFunction: Test = (value) => typeof value === "function";
const isObject: Test = (value) => typeof value === "object" && value !== null;

/** Whether it is an object with functions of these names. */
export function has<T>(value: unknown, ...names: string[]): value is T {
  return isObject(value) && names.every((name) => isFunction((value as Record<string, unknown>)[name]));
}

/** Options that are not checked where they are used: what each must be, in words and by a test. */
const OPTIONS: Record<string, [string, Test]> = {
  auth: [
    "credentials, or a function that finds some",
    (value) => isFunction(value) || (isObject(value) && !Array.isArray(value)),
  ],
  signal: ["an AbortSignal", (value) => has(value, "addEventListener", "removeEventListener")],
  cache: ["an object with the functions get and put", (value) => has(value, "get", "put")],
  fetch: ["a function", isFunction],
  onProgress: ["a function", isFunction],
  onIndexing: ["a function", isFunction],
  limits: ["an object of numbers by their names", isObject],
};

/**
 * Refuses options of the wrong kind.
 * @throws {@link OcipeekError} `INVALID_ARGUMENT`
 */
export function checkOptions(options: object): void {
  if (!isObject(options)) throw invalid(`options must be an object, not ${kindOf(options)}`);
  for (const [name, value] of Object.entries(options)) {
    const [words, test] = OPTIONS[name] ?? [];
    // Values may be secrets.
    if (value !== undefined && test?.(value) === false)
      throw invalid(`${name} must be ${words}, not ${kindOf(value)}`);
  }
}

/** Kind of a value, for messages. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (!isObject(value)) return `a ${typeof value}`;
  return Array.isArray(value) ? "an array" : "such an object";
}
