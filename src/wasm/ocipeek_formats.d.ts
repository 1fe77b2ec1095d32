/** The module that reads the other lazy formats too: the reader's classes, of another module. @module */
export { default, initSync, isLost, memoryHeld, openImage, setMemoryLimit } from "./ocipeek.js";
