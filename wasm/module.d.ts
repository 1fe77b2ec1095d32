/** Bundlers for edge runtimes and Deno's source imports give a compiled module. */
declare module "*.wasm" {
  const module: unknown;
  export default module;
}
