/** Words of the package, for people. @module */
import type { IndexVoucher } from "../js/index.js";

/** Who vouches for an index. */
export const VOUCHED: Record<IndexVoucher, string> = {
  image: "vouched for by the image",
  named: "named by its digest",
  own: "built here",
  checked: "attached, and checked against the layers",
  attached: "merely attached: whoever may push vouches for it",
};
