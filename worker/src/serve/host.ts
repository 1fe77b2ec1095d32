/** Check of the `Host`: a server of one's own answers those who call it by a name that is its own. @module */
import { HttpError } from "../errors.ts";
import { isAddress, isPublicAddress } from "../registry/public-host.ts";

/**
 * Checks the `Host` of requests to a server that listens on `hostname`.
 *
 * A page may have its own name lead to our address, once it is loaded: the browser then takes us for its origin, and it
 * reads all that we reach. What the browser cannot hide is the name that it called. Addresses are no such names, nor is
 * `localhost`; others are to be in the list. On a public address everybody reaches us anyway.
 */
export function hostCheck(hostname: string, allowed: readonly string[]): (host: string | null) => void {
  const isOpen = allowed.includes("*") || (isAddress(urlHost(hostname)) && isPublicAddress(hostname));
  const own = new Set([...allowed, hostname.toLowerCase()]);
  return (host) => {
    // No browser leaves it out.
    if (isOpen || host === null) return;
    const whole = host.toLowerCase();
    const name = whole.replace(/:\d*$/, "").replace(/\.$/, "");
    const isOurs =
      own.has(whole) ||
      own.has(name) ||
      name === "localhost" ||
      name.endsWith(".localhost") ||
      (isAddress(name) && URL.canParse(`http://${name}/`));
    if (isOurs) return;
    const shown = /^[a-z0-9.:-]{1,253}$/.test(whole) ? whole : "that";
    const help = "if it is, start it with --allow-host NAME (OCIPEEK_ALLOWED_HOSTS)";
    throw new HttpError("HOST_NOT_ALLOWED", `this server is not known as ${shown}; ${help}`, { status: 421 });
  };
}

function urlHost(hostname: string): string {
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}
