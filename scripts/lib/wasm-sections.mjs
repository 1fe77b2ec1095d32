// The sections of a .wasm, and the numbers in them.

/** Reads bytes from the front on. */
export class Reader {
  at = 0;

  constructor(bytes) {
    this.bytes = bytes;
  }

  /** An unsigned LEB128 number. */
  number() {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      value += (this.bytes[this.at] & 127) * shift;
      if (this.bytes[this.at++] < 128) return value;
    }
  }

  /** So many bytes. */
  take(length) {
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}

/** The unsigned LEB128 form of `number`. */
export function leb(number) {
  const out = [];
  for (; number > 127; number >>>= 7) out.push((number & 127) | 128);
  return Buffer.from([...out, number]);
}

/** Each section: its number, and its contents. */
export function* sections(bytes) {
  const reader = new Reader(bytes);
  reader.take(8);
  while (reader.at < bytes.length) {
    const id = reader.take(1)[0];
    yield { id, body: reader.take(reader.number()) };
  }
}
