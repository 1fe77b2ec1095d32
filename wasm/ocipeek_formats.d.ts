/** The module that reads the other lazy formats too: the reader's classes, of another module. @module */
export {
  default,
  imageNames,
  initSync,
  isLost,
  memoryHeld,
  openImage,
  openSource,
  setMemoryLimit,
} from "./ocipeek.js";
