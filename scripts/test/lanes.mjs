// Steps that run side by side, as far as they do not disturb each other.

/**
 * @typedef {object} Placed A step, as far as its place among others is concerned
 * @property {string} name
 * @property {string} [needs] the name of a step that must have passed, where it is one of them
 * @property {string} [uses] what only one step at a time can have
 * @property {boolean} [alone] whether nothing may run beside it; it waits until all others have ended
 */

/**
 * The step that can begin now, beside those that run.
 * @template {Placed} S
 * @param {S[]} waiting
 * @param {S[]} running
 * @param {number} lanes
 */
function next(waiting, running, lanes) {
  if (running.length >= lanes || running.some((it) => it.alone)) return undefined;
  const open = new Set([...waiting, ...running].map((it) => it.name));
  const ready = waiting.filter(
    ({ needs = "", uses }) => !open.has(needs) && !running.some((it) => uses && it.uses === uses),
  );
  return ready.find((it) => !it.alone) ?? (running.length === 0 ? ready[0] : undefined);
}

/**
 * Runs steps in their order, so many at once; resolves when all have ended.
 * @template {Placed} S
 * @param {S[]} steps
 * @param {number} lanes
 * @param {{ work: (step: S) => Promise<boolean>, skip: (step: S) => void }} does `work`: runs one, and gives whether it
 *   passed. `skip`: is told of one that needs a step that did not pass
 */
export async function inLanes(steps, lanes, { work, skip }) {
  const waiting = [...steps];
  /** @type {Map<S, Promise<unknown>>} */
  const running = new Map();
  const broken = new Set();
  const take = (step) => waiting.splice(waiting.indexOf(step), 1);
  const run = async (step) => {
    if (!(await work(step))) broken.add(step.name);
    running.delete(step);
  };
  while (waiting.length > 0 || running.size > 0) {
    const skipped = waiting.find((it) => broken.has(it.needs));
    if (skipped) {
      take(skipped);
      broken.add(skipped.name);
      skip(skipped);
      continue;
    }
    const step = next(waiting, [...running.keys()], lanes);
    if (step) {
      take(step);
      running.set(step, run(step));
    } else if (running.size > 0) await Promise.race(running.values());
    else throw new Error(`these need each other: ${waiting.map((it) => it.name).join(", ")}`);
  }
}
