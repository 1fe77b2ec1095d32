/** ASN.1 in its distinguished encoding (X.690), as far as certificates need it. @module */

/** One value. */
export interface Der {
  /** Identifier octet: class, whether constructed, number. */
  readonly tag: number;
  /** What it holds. */
  readonly value: Uint8Array;
  /** With identifier and length. */
  readonly whole: Uint8Array;
}

/** What is no DER. */
export class Malformed extends RangeError {}

/** The value at an offset. */
export function der(bytes: Uint8Array, at = 0): Der {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) throw new Malformed("no DER value");
  let length = first;
  let start = at + 2;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 4) throw new Malformed("length of a DER value");
    length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + (bytes[start + i] ?? 0);
    start += count;
  }
  if (start + length > bytes.length) throw new Malformed("a DER value goes past its end");
  return { tag, value: bytes.subarray(start, start + length), whole: bytes.subarray(at, start + length) };
}

/** The values in a sequence or set. */
export function items(outer: Der): Der[] {
  const list: Der[] = [];
  for (let at = 0; at < outer.value.length; ) {
    const item = der(outer.value, at);
    list.push(item);
    at += item.whole.length;
  }
  return list;
}

/** Item `i`, which must be there. */
export function item(list: Der[], i: number): Der {
  const found = list[i];
  if (!found) throw new Malformed("a DER sequence is too short");
  return found;
}

/** An object identifier as `1.2.840.113549`. */
export function oid({ value }: Der): string {
  const parts: bigint[] = [];
  let number = 0n;
  for (const byte of value) {
    number = (number << 7n) | BigInt(byte & 0x7f);
    if (byte & 0x80) continue;
    if (parts.length === 0) {
      const top = number < 40n ? 0n : number < 80n ? 1n : 2n;
      parts.push(top, number - 40n * top);
    } else parts.push(number);
    number = 0n;
  }
  return parts.join(".");
}

/** A string of any of ASN.1's kinds. */
export function text({ tag, value }: Der): string {
  if (tag === 0x1e) return new TextDecoder("utf-16be").decode(value);
  if (tag === 0x0c) return new TextDecoder().decode(value);
  return new TextDecoder("latin1").decode(value);
}

/** UTCTime or GeneralizedTime, as `2024-03-01 12:30:05 UTC`. */
export function time(it: Der): string {
  const digits = text(it);
  const match = /^(\d{2})?(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})?Z$/.exec(
    it.tag === 0x17 ? `${Number(digits.slice(0, 2)) < 50 ? "20" : "19"}${digits}` : digits,
  );
  if (!match) throw new Malformed("a time of a certificate");
  const [, century, year, month, day, hour, minute, second = "00"] = match;
  return `${century}${year}-${month}-${day} ${hour}:${minute}:${second} UTC`;
}
