/** `http` or `https`, as a reference forces it. @module */

/** A reference, without the scheme that it was written with. */
export interface Schemed {
  reference: string;
  scheme?: "http" | "https";
}

/**
 * Splits `https://HOST/REPOSITORY:TAG` or `…@DIGEST`: a reference whose registry is reached by this scheme. A URL without
 * tag and digest at its end is no reference but a layout's, which names its images by `#TAG`.
 */
export function splitScheme(text: string): Schemed {
  const match =
    /^(https?):\/\/([^/?#\s]+\/(?:[^?#\s]*[^/?#\s])?(?::[\w][\w.-]*|@[a-z0-9]+:[0-9a-f]{32,}))$/i.exec(text);
  if (!match?.[1] || !match[2]) return { reference: text };
  return { reference: match[2], scheme: match[1].toLowerCase() === "https" ? "https" : "http" };
}

/** Options by which the library uses the scheme. */
export function schemeOptions(scheme: "http" | "https" | undefined): {
  plainHttp?: boolean;
  httpsOnly?: boolean;
} {
  if (scheme === undefined) return {};
  return scheme === "http" ? { plainHttp: true } : { httpsOnly: true };
}
