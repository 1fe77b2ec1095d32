/** Advice in errors. @module */

/** The library names its option; here it is a setting. */
export function inTermsOfSettings(message: string): string {
  // What eStargz lacks, the setting does not give.
  if (/\bTOC\b/.test(message)) return message;
  return message
    .replace("list it in tokenHosts", "list its host in OCIPEEK_TOKEN_HOSTS")
    .replace('open the image with index: "build"', 'set OCIPEEK_INDEX to "build"')
    .replace(
      /open the image with verify: false(?: to read it (?:lazily|all the same))?/,
      'let the worker read it by ranges, unverified (OCIPEEK_UNVERIFIED = "crc")',
    );
}
