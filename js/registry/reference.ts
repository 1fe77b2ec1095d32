import { parseReference as parseInWasm } from "../../wasm/ocipeek.js";
import { fromWasm } from "../errors.js";
import { ready } from "../runtime.js";
import { splitScheme } from "./scheme.js";

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
  /** What it was written with: by just that the registry is reached. */
  scheme?: "http" | "https";
}

/**
 * Reads a reference as Docker users write it, or with `http://` or `https://` before one that ends in a tag or digest.
 * @throws {@link OcipeekError} `INVALID_REFERENCE`
 */
export async function parseReference(text: string): Promise<Reference> {
  await ready();
  const { reference, scheme } = splitScheme(text);
  try {
    return { ...parseInWasm(reference), ...(scheme ? { scheme } : {}) };
  } catch (error) {
    throw fromWasm(error);
  }
}
