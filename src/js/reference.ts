import { parseReference as parseInWasm } from "../wasm/ocipeek.js";
import { fromWasm } from "./errors.js";
import { ready } from "./runtime.js";

/** An image reference in its parts, canonical: `alpine` is `library/alpine` of `docker.io`. */
export interface Reference {
  /** The registry's name, with its port where it has one. */
  registry: string;
  /** The repository. */
  repository: string;
  /** Where the registry's API is: `registry-1.docker.io` for Docker Hub, else {@link Reference.registry}. */
  host: string;
  /** Decides nothing where there is a digest. */
  tag?: string;
  digest?: string;
}

/**
 * Reads a reference as Docker users write it.
 * @throws {@link OcipeekError} `INVALID_REFERENCE`
 */
export async function parseReference(text: string): Promise<Reference> {
  await ready();
  try {
    return parseInWasm(text);
  } catch (error) {
    throw fromWasm(error);
  }
}
