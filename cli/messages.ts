/** Errors in the words of the command. @module */
import { OcipeekError, type RemedyWords } from "../js/index.js";

/** Remedies in the words of the command's options. */
const WORDS: RemedyWords = {
  "raise-limit": "raise that limit (--limit) if you trust the image",
  "close-images": undefined,
  "read-unverified": "give --insecure-unverified to read it lazily",
  "read-unverified-chunks": "give --insecure-unverified to read it all the same",
  "without-index": "give --no-soci to read its layers as they are",
  "use-attached": "give --attached-index to look for one that is attached",
  "build-index": "leave out --no-build-index, which keeps the command from making an index of it",
  "make-index": "build a SOCI index of the image (ocipeek soci create)",
  "convert-to-soci": "make an image that has a SOCI index (ocipeek soci convert)",
  "convert-to-chunked": "convert the image to zstd:chunked (skopeo copy --dest-compress-format zstd:chunked)",
  "plain-reader": "give --reader soci",
  "other-build": undefined,
  unpack: "unpack it first, and open the tar",
  "name-tag": "end the URL with a tag or digest: then a URL is a reference, https://HOST/REPOSITORY:TAG",
  "trust-token-host": "name its host with --token-host if you trust it",
  "sign-in": "sign in (docker login, or --username)",
  "try-later": "try again later",
};

/** Message of an error. */
export function messageOf(error: unknown): string {
  if (error instanceof OcipeekError) return `${error.code}: ${error.worded(WORDS)}`;
  return error instanceof Error ? error.message : String(error);
}
