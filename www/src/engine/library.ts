/** The package, as the engine uses it. @module */
import { EngineError } from "../protocol/api.ts";

export {
  compileGlob,
  type FileTree,
  type Image,
  imagesIn,
  type LocalFolder,
  open,
  type Stats,
} from "ocipeek";

/** A mistake of the page's. */
export function invalidArgument(message: string): EngineError {
  return new EngineError({ code: "INVALID_ARGUMENT", message });
}
