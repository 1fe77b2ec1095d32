/** Settings out of the platform's environment, checked. @module */

/** What the platform hands over: variables, secrets and bindings by name. */
export type Env = Readonly<Record<string, unknown>>;

/** A variable that does not mean anything. Says which; never its value, which may be a secret. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** Text without space around it, or nothing. */
export function text(env: Env, name: string): string | undefined {
  const value = env[name];
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value !== "string") throw new ConfigError(`${name}: must be text`);
  return value.trim();
}

/** Text, or a JSON value as text. */
export function secretJson(value: unknown): string | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** A list of texts: a JSON array, or text with commas or spaces between. */
export function list(env: Env, name: string): string[] | undefined {
  const value = env[name];
  if (value === undefined || value === null || value === "") return undefined;
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
  if (value === undefined || value === null || value === "") return {};
  const parsed = json(name, value);
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) {
    return parsed as Record<string, unknown>;
  }
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
  if (value === undefined || value === null || value === "") return fallback;
  if (typeof value === "boolean") return value;
  if (value === "true" || value === "1") return true;
  if (value === "false" || value === "0") return false;
  throw new ConfigError(`${name}: must be true or false`);
}
