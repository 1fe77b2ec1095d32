/** Settings out of the platform's environment, checked. @module */

import { isObject } from "../../../js/common/json.ts";

/** Environment from the platform: variables, secrets and bindings by name. */
export type Env = Readonly<Record<string, unknown>>;

/** A variable that does not mean anything. Says which; never its value, which may be a secret. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

const isUnset = (value: unknown): boolean => value === undefined || value === null || value === "";

/** Text without space around it, or nothing. */
export function text(env: Env, name: string): string | undefined {
  const value = env[name];
  if (isUnset(value)) return undefined;
  if (typeof value !== "string") throw new ConfigError(`${name}: must be text`);
  return value.trim();
}

/** Text, or a JSON value as text. */
export function secretJson(value: unknown): string | undefined {
  if (isUnset(value)) return undefined;
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** A list of texts: a JSON array, or text with commas or spaces between. */
export function list(env: Env, name: string): string[] | undefined {
  const value = env[name];
  if (isUnset(value)) return undefined;
  const items =
    typeof value === "string" && !value.trimStart().startsWith("[")
      ? value.split(/[\s,]+/).filter(Boolean)
      : json(name, value);
  if (Array.isArray(items) && items.every((item) => typeof item === "string")) return items;
  throw new ConfigError(`${name}: must be a list of strings`);
}

/** A JSON object; an empty one where there is none. */
export function object(env: Env, name: string): Record<string, unknown> {
  const value = env[name];
  if (isUnset(value)) return {};
  const parsed = json(name, value);
  if (isObject(parsed)) return parsed;
  throw new ConfigError(`${name}: must be an object`);
}

/** Whole numbers by name, over their defaults. `open`: other names than those of the defaults too. */
export function numbers<T extends object>(env: Env, name: string, defaults: T, open = false): T {
  const given = object(env, name);
  const result = { ...defaults } as Record<string, unknown>;
  for (const [key, value] of Object.entries(given)) {
    if (!open && !(key in defaults)) throw new ConfigError(`${name}: there is no ${key}`);
    result[key] = whole(`${name}.${key}`, value);
  }
  return result as T;
}

function json(name: string, value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    throw new ConfigError(`${name}: is not JSON`);
  }
}

/** A whole number. */
export function whole(name: string, value: unknown): number {
  const number = typeof value === "string" && /^\d+$/.test(value.trim()) ? Number(value) : value;
  if (typeof number === "number" && Number.isSafeInteger(number) && number >= 0) return number;
  throw new ConfigError(`${name}: must be a whole number that is not negative`);
}

/** Yes or no. */
export function boolean(name: string, value: unknown, fallback: boolean): boolean {
  if (isUnset(value)) return fallback;
  if (typeof value === "boolean") return value;
  if (value === "true" || value === "1") return true;
  if (value === "false" || value === "0") return false;
  throw new ConfigError(`${name}: must be true or false`);
}

/** Text of a form; `must` says what it is to be. */
export function formed<T>(name: string, value: T, form: RegExp, must: string): T & string {
  if (typeof value === "string" && form.test(value)) return value;
  throw new ConfigError(`${name}: must be ${must}`);
}

/** One of two words. */
export function oneOf<A extends string, B extends string>(name: string, value: unknown, a: A, b: B): A | B {
  if (value === a) return a;
  if (value === b) return b;
  throw new ConfigError(`${name}: must be ${a} or ${b}`);
}

/** `os/arch[/variant]`. */
export const PLATFORM: RegExp = /^[a-z0-9]+\/[a-z0-9_]+(?:\/[a-z0-9.]+)?$/;
