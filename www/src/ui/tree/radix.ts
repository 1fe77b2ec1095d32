/** Radix sort of numbers: a comparing sort of 100,000 would block the page for too long. @module */

const DIGIT = 16;
const VALUES = 1 << DIGIT;

/** Indexes of `values` in the order of the values; equal ones in the order of their indexes. NaN is the least. */
export function sortByNumber(values: ArrayLike<number>, descending: boolean): Uint32Array {
  const { length } = values;
  const { high, low } = sortableBits(values, descending);
  let from = new Uint32Array(length);
  for (let i = 0; i < length; i++) from[i] = i;
  let to = new Uint32Array(length);
  for (const [words, shift] of [
    [low, 0],
    [low, DIGIT],
    [high, 0],
    [high, DIGIT],
  ] as const) {
    const starts = countDigits(words, shift);
    if (!starts) continue;
    for (let i = 0; i < length; i++) {
      const at = from[i] ?? 0;
      const digit = ((words[at] ?? 0) >>> shift) & (VALUES - 1);
      const place = starts[digit] ?? 0;
      starts[digit] = place + 1;
      to[place] = at;
    }
    [from, to] = [to, from];
  }
  return from;
}

/** Where each digit's run starts; nothing where all have the same one. */
function countDigits(words: Uint32Array, shift: number): Uint32Array | undefined {
  const counts = new Uint32Array(VALUES);
  for (const word of words) {
    const digit = (word >>> shift) & (VALUES - 1);
    counts[digit] = (counts[digit] ?? 0) + 1;
  }
  if (counts[((words[0] ?? 0) >>> shift) & (VALUES - 1)] === words.length) return undefined;
  let sum = 0;
  for (let i = 0; i < VALUES; i++) {
    const count = counts[i] ?? 0;
    counts[i] = sum;
    sum += count;
  }
  return counts;
}

/** Doubles as unsigned integers of the same order: negative ones inverted, others above them. */
function sortableBits(values: ArrayLike<number>, descending: boolean) {
  const { length } = values;
  const high = new Uint32Array(length);
  const low = new Uint32Array(length);
  const one = new DataView(new ArrayBuffer(8));
  const turn = descending ? 0xffffffff : 0;
  for (let i = 0; i < length; i++) {
    const value = values[i] ?? Number.NaN;
    one.setFloat64(0, Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value);
    const h = one.getUint32(0);
    const flip = h >>> 31 === 1 ? 0xffffffff : 0;
    high[i] = h ^ (flip === 0 ? 0x80000000 : flip) ^ turn;
    low[i] = one.getUint32(4) ^ flip ^ turn;
  }
  return { high, low };
}
