/** Reversal of a comparison. @module */
import type { Address } from "./address.ts";

/**
 * The address of the same comparison, the other way round. `platform`: that of the image on screen, where the address
 * does not say it.
 */
export function swapped(now: Address, platform: string | undefined): Partial<Address> {
  return {
    image: now.with,
    tag: now.withTag,
    platform: now.withPlatform ?? now.platform,
    with: now.image,
    withTag: now.tag,
    withPlatform: now.withPlatform === undefined ? undefined : (now.platform ?? platform),
    view: "compare",
    path: now.path,
    show: now.show,
  };
}
