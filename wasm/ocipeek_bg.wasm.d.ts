/** The wasm module: compiled where the bundler or runtime does that, else its URL. For `init()` of `ocipeek/raw`. */
declare const module: object;
export default module;
