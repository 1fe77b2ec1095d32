// All projects of the matrix.
import { CORE } from "./bundled.mjs";
import { MANAGERS, NODES, RUNNERS } from "./programs.mjs";
import { SERVERS } from "./servers.mjs";
import { WEB } from "./web.mjs";

export { CORE };

/** Those that need installing. */
export const MATRIX = [...WEB, ...SERVERS, ...NODES, ...MANAGERS, ...RUNNERS];

/** And those of `npm test`. */
export const ALL = [...CORE, ...MATRIX];
