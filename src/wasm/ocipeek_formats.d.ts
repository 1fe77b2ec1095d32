/** The module that reads the other lazy formats too: the reader's classes, of another module. @module */
export { default, initSync, openImage } from "./ocipeek.js";
