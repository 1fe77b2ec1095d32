/** File identification by content, with the facts that people look for. @module */
import type { Identity } from "../../protocol/api.ts";
import { archive } from "./archives.ts";
import { certificate } from "./certificate.ts";
import { type Content, identity } from "./content.ts";
import { elf } from "./elf.ts";
import { format } from "./formats.ts";
import { picture } from "./pictures.ts";
import { program, script } from "./programs.ts";
import { sqlite } from "./sqlite.ts";

const KINDS = [elf, picture, sqlite, archive, program, certificate, format, script];

/** Key facts of a file, or nothing where its format is not known. What is damaged is left out. */
export async function identify(content: Content): Promise<Identity | undefined> {
  for (const kind of KINDS) {
    try {
      const found = await kind(content);
      if (found) return found;
    } catch (error) {
      // Its magic number was there; what it announces is not.
      if (!(error instanceof RangeError)) throw error;
      return identity(kind.name, `damaged or cut off: ${kind.name}`);
    }
  }
  return undefined;
}
