/** Ids of requests, which answers and the log have in common. @module */

/** The platform's id of the request, where it looks like one, else a random one. */
export function requestId(headers: Pick<Headers, "get">): string {
  const ray = headers.get("cf-ray");
  return ray && /^[A-Za-z0-9-]{1,64}$/.test(ray) ? ray : crypto.randomUUID();
}
