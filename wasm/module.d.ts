/** Bundlers for edge runtimes and Deno's source imports give a compiled module. */
declare module "*.wasm" {
  const module: unknown;
  export default module;
}

/** Halves of the text that holds a module: base64 of gzip. */
declare module "*_inline_1.js" {
  const text: string;
  export default text;
}
declare module "*_inline_2.js" {
  const text: string;
  export default text;
}
