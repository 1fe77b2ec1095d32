/** X.509 certificates, in DER and PEM (RFC 5280, RFC 7468). @module */
import { hex } from "../../../../js/common/hex.ts";
import type { Identity } from "../../protocol/api.ts";
import { Sha256 } from "../sha256.ts";
import { type Content, count, identity, MAX_PART, namesOf } from "./content.ts";
import { type Der, der, item, items, oid, text, time } from "./der.ts";

/** What a certificate says. */
export interface Certificate {
  subject: string;
  issuer: string;
  from: string;
  to: string;
  serial: string;
  key: string;
  signature: string;
  names: string[];
  isAuthority: boolean;
  usages: string[];
  fingerprint: string;
}

/** Names of object identifiers: attributes, algorithms, curves, usages. */
const NAMES = namesOf({
  "2.5.4.": "3 CN, 5 serialNumber, 6 C, 7 L, 8 ST, 9 street, 10 O, 11 OU, 97 organizationIdentifier",
  "1.2.840.113549.1.9.": "1 emailAddress",
  "0.9.2342.19200300.100.1.": "25 DC",
  "1.2.840.113549.1.1.":
    "1 RSA, 4 MD5 with RSA, 5 SHA-1 with RSA, 10 RSA-PSS, 11 SHA-256 with RSA, 12 SHA-384 with RSA, 13 SHA-512 with RSA",
  "1.2.840.10045.2.": "1 EC",
  "1.2.840.10045.4.3.": "2 ECDSA with SHA-256, 3 ECDSA with SHA-384, 4 ECDSA with SHA-512",
  "1.2.840.10040.4.": "1 DSA",
  "1.3.101.": "112 Ed25519, 113 Ed448",
  "1.2.840.10045.3.1.": "7 P-256",
  "1.3.132.0.": "34 P-384, 35 P-521, 10 secp256k1",
  "1.3.6.1.5.5.7.3.": "1 TLS server, 2 TLS client, 3 code signing, 4 e-mail, 8 time stamping, 9 OCSP signing",
});
const KEY_USAGE = "2.5.29.15";
const ALT_NAMES = "2.5.29.17";
const CONSTRAINTS = "2.5.29.19";
const EXTENDED_USAGE = "2.5.29.37";
/** More certificates of one file are counted and not listed. */
const MAX_LISTED = 2000;

/** One certificate; `Malformed` where it is none. */
export function parseCertificate(bytes: Uint8Array): Certificate {
  const outer = der(bytes);
  const [body, algorithm] = [item(items(outer), 0), item(items(outer), 1)];
  const fields = items(body);
  if (fields[0]?.tag === 0xa0) fields.shift();
  const validity = items(item(fields, 3));
  const hash = new Sha256();
  hash.update(outer.whole);
  return {
    serial: hex(positive(item(fields, 0).value), ":"),
    issuer: nameOf(item(fields, 2)),
    from: time(item(validity, 0)),
    to: time(item(validity, 1)),
    subject: nameOf(item(fields, 4)),
    key: keyOf(item(fields, 5)),
    signature: nameOfId(item(items(algorithm), 0)),
    ...extensionsOf(fields.find((it) => it.tag === 0xa3)),
    fingerprint: hash.digest(),
  };
}

/** Without the zero that keeps a number from being negative. */
function positive(number: Uint8Array): Uint8Array {
  return number[0] === 0 && number.length > 1 ? number.subarray(1) : number;
}

function nameOf(name: Der): string {
  const parts: string[] = [];
  for (const set of items(name)) {
    for (const pair of items(set)) {
      parts.push(`${nameOfId(item(items(pair), 0))}=${text(item(items(pair), 1))}`);
    }
  }
  return parts.join(", ") || "(none)";
}

function nameOfId(id: Der): string {
  return NAMES.get(oid(id)) ?? oid(id);
}

function keyOf(info: Der): string {
  const [algorithm, bits] = [items(item(items(info), 0)), item(items(info), 1)];
  const name = nameOfId(item(algorithm, 0));
  if (name === "EC") {
    return algorithm[1]?.tag === 6 ? `EC ${nameOfId(algorithm[1])}` : "EC";
  }
  if (name !== "RSA") return name;
  const modulus = item(items(der(bits.value, 1)), 0).value;
  const first = modulus.findIndex((byte) => byte !== 0);
  if (first < 0) return "RSA";
  const length = 8 * (modulus.length - first) - Math.clz32(modulus[first] ?? 0) + 24;
  return `RSA ${length} bits`;
}

function extensionsOf(outer: Der | undefined): Pick<Certificate, "names" | "isAuthority" | "usages"> {
  const found: ReturnType<typeof extensionsOf> = { names: [], isAuthority: false, usages: [] };
  if (!outer) return found;
  for (const extension of items(der(outer.value))) {
    const parts = items(extension);
    const id = oid(item(parts, 0));
    const value = der(item(parts, parts.length - 1).value);
    if (id === ALT_NAMES) found.names = items(value).map(generalName);
    if (id === CONSTRAINTS) found.isAuthority = items(value)[0]?.tag === 1 && items(value)[0]?.value[0] !== 0;
    if (id === EXTENDED_USAGE) found.usages.push(...items(value).map(nameOfId));
    if (id === KEY_USAGE) {
      const bits = value.value[1] ?? 0;
      if (bits & 0x80) found.usages.unshift("digital signature");
      if (bits & 0x04) found.usages.unshift("signing certificates");
      if (bits & 0x02) found.usages.unshift("signing revocation lists");
    }
  }
  return found;
}

function generalName(name: Der): string {
  const kind = name.tag & 0x1f;
  if (kind === 1) return `email:${text(name)}`;
  if (kind === 2) return text(name);
  if (kind === 6) return `URI:${text(name)}`;
  if (kind === 7) return address(name.value);
  if (kind === 4) return nameOf(der(name.value));
  return "(another kind of name)";
}

function address(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups: string[] = [];
  for (let i = 0; i + 1 < bytes.length; i += 2)
    groups.push((((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)).toString(16));
  return groups.join(":");
}

const PEM = /-----BEGIN ([A-Z0-9 ]{1,60})-----([^-]*)-----END \1-----/g;

/** The facts of a certificate, or of all that a file holds; of keys only what they are. */
export async function certificate(content: Content): Promise<Identity | undefined> {
  const { head, size } = content;
  if (size > MAX_PART) return undefined;
  if (head[0] === 0x30 && /\.(der|cer|crt|cert|p7b|p12|pfx|key)$/i.test(content.name)) {
    try {
      return one("X.509 certificate (DER)", parseCertificate(await content.read(0, size)));
    } catch {
      return undefined;
    }
  }
  if (!new TextDecoder("latin1").decode(head).includes("-----BEGIN ")) return undefined;
  const source = new TextDecoder("latin1").decode(await content.read(0, size));
  const certificates: Certificate[] = [];
  const others = new Map<string, number>();
  let broken = 0;
  for (const [, label = "", body = ""] of source.matchAll(PEM)) {
    if (!/^(X509 |TRUSTED )?CERTIFICATE$/.test(label)) {
      others.set(label, (others.get(label) ?? 0) + 1);
      continue;
    }
    try {
      certificates.push(parseCertificate(base64(body)));
    } catch {
      broken++;
    }
  }
  if (certificates.length === 0 && others.size === 0 && broken === 0) return undefined;
  const rest = [...others].map(([label, times]): [string, string] => [
    titleCase(label),
    times === 1 ? "one" : String(times),
  ]);
  if (broken > 0) rest.push(["Damaged certificates", String(broken)]);
  const [first] = certificates;
  if (first && certificates.length === 1) {
    const identity = one("X.509 certificate (PEM)", first);
    return { ...identity, facts: [...identity.facts, ...rest] };
  }
  if (!first) {
    const labels = [...others.keys()].map(titleCase).join(", ");
    return identity("pem", `PEM: ${labels || "certificate, damaged"}`, rest);
  }
  const listed = certificates.slice(0, MAX_LISTED);
  return identity(
    "certificates",
    `${count(certificates.length)} X.509 certificates (PEM)`,
    [
      ["Certificates", count(certificates.length)],
      ["First end of validity", certificates.map((it) => it.to).sort()[0] ?? ""],
      ["Authorities", String(certificates.filter((it) => it.isAuthority).length)],
      ...rest,
    ],
    [{ title: "Certificates", rows: listed.map((it) => [it.subject, `until ${it.to.slice(0, 10)}`]) }],
  );
}

function one(title: string, it: Certificate): Identity {
  const facts: Identity["facts"] = [
    ["Subject", it.subject],
    ["Issuer", it.issuer === it.subject ? `${it.issuer} (itself)` : it.issuer],
    ["Valid from", it.from],
    ["Valid until", it.to],
    ["Key", it.key],
    ["Signature", it.signature],
    ["Authority", it.isAuthority ? "yes" : "no"],
  ];
  if (it.usages.length > 0) facts.push(["Usage", it.usages.join(", ")]);
  facts.push(["Serial number", it.serial], ["SHA-256 fingerprint", it.fingerprint]);
  return identity("certificate", title, facts, [
    { title: "Names", rows: it.names.map((name) => [name, ""]) },
  ]);
}

function base64(text64: string): Uint8Array {
  return Uint8Array.from(atob(text64.replace(/[^A-Za-z0-9+/=]/g, "")), (char) => char.charCodeAt(0));
}

/** `RSA private key` for `RSA PRIVATE KEY`. */
function titleCase(label: string): string {
  const lower = label.toLowerCase().replace(/\b(rsa|ec|dsa|dh|x509)\b/g, (it) => it.toUpperCase());
  return lower.charAt(0).toUpperCase() + lower.slice(1);
}
