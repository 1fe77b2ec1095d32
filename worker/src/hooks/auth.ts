/**
 * Who may send notifications: whoever knows the secret. It comes as GitHub's HMAC of the body
 * (`X-Hub-Signature-256`), as `Authorization: Bearer`, or as the password of `Authorization: Basic`. Never in a URL.
 * @module
 */
import { unpackBasic } from "../../../js/common/basic.ts";
import { HttpError } from "../errors.ts";

const SIGNATURE = /^sha256=([0-9a-f]{64})$/;

/** Whether the headers alone prove it; nothing where the body is to be looked at. */
export async function provenByHeaders(
  headers: Headers,
  secrets: readonly string[],
): Promise<boolean | undefined> {
  // What is no signature need not be compared with anything.
  const signature = headers.get("x-hub-signature-256");
  if (signature !== null) return SIGNATURE.test(signature) ? undefined : false;
  const given = secretOf(headers.get("authorization"));
  return given !== undefined && isAmong(given, secrets);
}

/** Whether the body was signed with one of the secrets. */
export async function provenByBody(
  headers: Headers,
  body: Uint8Array<ArrayBuffer>,
  secrets: readonly string[],
): Promise<boolean> {
  const hex = SIGNATURE.exec(headers.get("x-hub-signature-256") ?? "")?.[1];
  if (hex === undefined) return false;
  const given = Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  let isProven = false;
  for (const secret of secrets) {
    const raw = new TextEncoder().encode(secret);
    const key = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    const made = new Uint8Array(await crypto.subtle.sign("HMAC", key, body));
    // Every secret is tried: time tells neither which it was, nor how much of it was right.
    isProven = isEqual(made, given) || isProven;
  }
  return isProven;
}

/** The answer to whoever does not know the secret. */
export function unproven(): HttpError {
  return new HttpError(
    "UNAUTHORIZED",
    "the secret of the hooks is missing or wrong; send Authorization: Bearer, or X-Hub-Signature-256",
    { headers: { "www-authenticate": 'Bearer realm="hooks"' } },
  );
}

/** The secret in an `Authorization` header. */
function secretOf(authorization: string | null): string | undefined {
  const [, scheme = "", value = ""] =
    /^(Bearer|Basic) +([\x21-\x7e]{1,1024})$/i.exec(authorization ?? "") ?? [];
  if (scheme.toLowerCase() === "bearer") return value;
  return scheme === "" ? undefined : unpackBasic(value)?.password;
}

async function isAmong(given: string, secrets: readonly string[]): Promise<boolean> {
  const hash = await sha256(given);
  let isFound = false;
  for (const secret of secrets) isFound = isEqual(await sha256(secret), hash) || isFound;
  return isFound;
}

/** Hash of a text: of equal length whatever is hashed, and nobody can choose how far it agrees. */
async function sha256(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}

/** Takes the same time wherever they differ. */
function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  let differing = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) differing |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return differing === 0;
}
