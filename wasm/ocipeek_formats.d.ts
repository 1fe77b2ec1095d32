/** The module that reads the other lazy formats too: the reader's classes, of another module. @module */
export {
  default,
  imageNames,
  initSync,
  isLost,
  memoryHeld,
  memorySize,
  openImage,
  openSource,
  retire,
  setMemoryLimit,
} from "./ocipeek.js";
