/** Tallies of what was added, changed and removed, in a line. @module */
import { bytes, count, plural } from "../../format/format.ts";
import type { Tally } from "../../protocol/api.ts";

const SIGNS = { added: "+", changed: "~", removed: "−" };

interface TalliesProps {
  tallies: Record<keyof typeof SIGNS, Tally>;
  /** With bytes beside the numbers. */
  long?: boolean;
}

/** `+120 ~3 −1`; what is nothing is left out. */
export function Tallies({ tallies, long }: TalliesProps) {
  const names = (Object.keys(SIGNS) as (keyof typeof SIGNS)[]).filter((name) => tallies[name].files > 0);
  if (names.length === 0) return <span class="tallies faint figures">no files</span>;
  return (
    <span class="tallies figures">
      {names.map((name) => {
        const { files, bytes: size } = tallies[name];
        return (
          <span
            key={name}
            class={`toned tone-${name}`}
            title={`${plural(files, "file")} ${name}, ${bytes(size)}`}
          >
            <span aria-hidden="true">
              {SIGNS[name]}
              {count(files)}
            </span>
            <span class="unseen">
              {plural(files, "file")} {name}
            </span>
            {long && <small class="hint"> {bytes(size)}</small>}
          </span>
        );
      })}
    </span>
  );
}
