/**
 * Files of an image as a tar archive, made while it is read.
 *
 * ```ts
 * const top = await image.stat("/etc");
 * for await (const chunk of tar(itemsOf(image, top, new TextEncoder().encode("etc")))) …
 * ```
 * @packageDocumentation
 */
export { type TarItem, type TarOptions, tar } from "./archive.js";
export type { TarEntry } from "./header.js";
export { type ItemsOptions, isOwnFault, itemsOf } from "./items.js";
