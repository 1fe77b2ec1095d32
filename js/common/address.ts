/** IP addresses and ranges of them. @module */

/** An address. */
export interface Address {
  value: bigint;
  /** Of an address of version 4 or 6. */
  bits: 32 | 128;
}

/** An address as it is written in full; one of version 4 within version 6 is one of version 4. */
export function parseAddress(text: string): Address | undefined {
  if (/^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/.test(text)) {
    return { value: joined(text.split("."), 10, 8n), bits: 32 };
  }
  if (!text.includes(":") || !URL.canParse(`http://[${text}]/`)) return undefined;
  const [head = "", tail] = new URL(`http://[${text}]/`).hostname.slice(1, -1).split("::");
  const words = (part: string | undefined): string[] => (part ? part.split(":") : []);
  const [before, after] = [words(head), words(tail)];
  const zeros = Array<string>(Math.max(8 - before.length - after.length, 0)).fill("0");
  const value = joined([...before, ...zeros, ...after], 16, 16n);
  return value >> 32n === 0xffffn ? { value: value & 0xffffffffn, bits: 32 } : { value, bits: 128 };
}

function joined(parts: string[], radix: number, bits: bigint): bigint {
  return parts.reduce((sum, part) => (sum << bits) | BigInt(Number.parseInt(part, radix)), 0n);
}

/** Whether an address is in a range: `10.0.0.0/8`. */
export function isWithin(address: Address, range: string): boolean {
  const [base = "", length = ""] = range.split("/");
  const of = parseAddress(base);
  if (!of || of.bits !== address.bits || Number(length) > of.bits) return false;
  const rest = BigInt(of.bits - Number(length));
  return address.value >> rest === of.value >> rest;
}
