/** Input that names an image, typed or pasted. @module */

import { familiar, parseReference } from "../../../web/reference.ts";
import type { Address } from "./address.ts";
import { imageInLine } from "./command.ts";
import { imageInUrl } from "./web.ts";

/** What an input means: an address to go to, or why it means none. */
export type Input = { to: Partial<Address> & { image: string } } | { problem: string };

/** The longest input that is looked at. */
const MOST = 4096;

/**
 * Reads a reference, a digest with its repository, a pasted command or Dockerfile line, or a web address of an image.
 * Of several lines the first that names an image counts. `base`: where this page is.
 */
export function readInput(text: string, base?: string): Input {
  const lines = text.slice(0, MOST).split(/\r?\n/);
  const inputs = lines.filter((line) => line.trim() !== "").map((line) => readLine(line, base));
  return (
    inputs.find((input) => "to" in input) ??
    inputs[0] ?? { problem: "Name an image, such as alpine:3 or ghcr.io/owner/app:tag." }
  );
}

function readLine(line: string, base: string | undefined): Input {
  const text = line
    .trim()
    .replace(/^(["'`<])(.*)["'`>]$/, "$2")
    .trim();
  if (/^https?:\/\//i.test(text)) {
    const found = imageInUrl(text, base);
    return found ? checked(found) : { problem: "This web address names no image that is known here." };
  }
  if (/\s|[:=]\s*["']/.test(text)) {
    const found = imageInLine(text);
    return found
      ? checked({ image: found.reference, ...(found.platform ? { platform: found.platform } : {}) })
      : { problem: "No image is named in this. Write it like alpine:3 or ghcr.io/owner/app:tag." };
  }
  if (/^sha256:[0-9a-f]{64}$/i.test(text) || /^[0-9a-f]{64}$/i.test(text)) {
    return { problem: "Which repository is this digest in? Write repository@sha256:digest." };
  }
  if (/^(?:oci|oci-archive|docker-archive|dir):/.test(text) || /^[./~\\]/.test(text)) {
    return { problem: "That is on your disk: drop it here, or choose it below." };
  }
  return checked({ image: text.replace(/^(?:docker|oci|registry):\/\//, "") });
}

/** With the reference in the form that addresses have. */
function checked(to: Partial<Address> & { image: string }): Input {
  const parsed = parseReference(to.image);
  return typeof parsed === "string" ? { problem: parsed } : { to: { ...to, image: familiar(parsed) } };
}
