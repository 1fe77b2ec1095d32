import { UsageError } from "../exit.js";

const UNITS: Record<string, number> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** A number of bytes as an option has it: `4194304`, `4M`, `4MiB` (all the same). */
export function byteCount(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, digits, unit] = /^([0-9]+)(?:\s?([kmg])(?:i?b)?)?$/i.exec(text) ?? [];
  const bytes = Number(digits) * (UNITS[(unit ?? "").toLowerCase()] ?? Number.NaN);
  if (digits === undefined || !Number.isSafeInteger(bytes)) {
    throw new UsageError(
      `${option} must be a number of bytes, e.g. 4194304 or 4MiB, not ${JSON.stringify(text)}`,
    );
  }
  return bytes;
}
