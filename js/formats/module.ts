/** The used part of the module of the other formats: as a whole, each bundle would keep a table of it. @module */
export {
  imageNames,
  isLost,
  memoryHeld,
  memorySize,
  openImage,
  openSource,
  retire,
  setMemoryLimit,
} from "../../wasm/ocipeek_formats.js";
