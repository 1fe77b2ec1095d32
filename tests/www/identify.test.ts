// Formats by content: facts equal those of other tools, and no damage makes it fail.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { open } from "ocipeek";
import { contentOf } from "../../www/src/engine/identify/content.ts";
import { identify } from "../../www/src/engine/identify/identify.ts";
import { Sha256 } from "../../www/src/engine/sha256.ts";
import type { Identity } from "../../www/src/protocol/api.ts";
import { filesOfEachKind } from "../lib/file-images.mjs";

const kinds = filesOfEachKind() as Record<string, Buffer>;
const demo = await open(`oci:${new URL("../fixtures/demo", import.meta.url).pathname}:latest-soci`);

async function identityOf(name: string, bytes: Uint8Array): Promise<Identity | undefined> {
  const read = async (start: number, end: number): Promise<Uint8Array> => bytes.subarray(start, end);
  return identify(await contentOf(bytes.length, name, read));
}

async function factsOf(name: string, bytes: Uint8Array): Promise<Record<string, string>> {
  const found = await identityOf(name, bytes);
  return { title: found?.title ?? "", ...Object.fromEntries(found?.facts ?? []) };
}

const kind = (name: string): Buffer => kinds[name] ?? Buffer.alloc(0);
const rowsOf = (found: Identity | undefined, title: string): [string, string][] =>
  found?.sections.find((section) => section.title === title)?.rows ?? [];

describe("SHA-256 in pieces", () => {
  test("equals OpenSSL's, however the bytes come", () => {
    for (let length = 0; length < 300; length++) {
      const bytes = randomBytes(length);
      const hash = new Sha256();
      const cut = (length * 7) % (length + 1);
      hash.update(bytes.subarray(0, cut));
      hash.update(bytes.subarray(cut));
      assert.equal(hash.digest(), createHash("sha256").update(bytes).digest("hex"), `${length} B`);
    }
  });
});

describe("programs", () => {
  test("a program's facts are readelf's", async () => {
    // readelf -hldn: DYN, INTERP, three NEEDED, GNU_STACK RW.
    const bytes = await demo.readFile("/bin/toybox");
    const facts = await factsOf("toybox", bytes);
    assert.equal(facts.title, "ELF 64-bit PIE executable, x86-64");
    assert.equal(facts.Interpreter, "/lib64/ld-linux-x86-64.so.2");
    assert.equal(facts.Symbols, "stripped");
    assert.equal(facts["Executable stack"], "no (NX)");
    const found = await identityOf("toybox", bytes);
    assert.deepEqual(
      rowsOf(found, "Needed libraries").map(([name]) => name),
      ["libcrypt.so.1", "libm.so.6", "libc.so.6"],
    );
  });

  test("a library has a name of its own", async () => {
    const facts = await factsOf("libz", await demo.readFile("/lib/x86_64-linux-gnu/libz.so.1.2.13"));
    assert.equal(facts.title, "ELF 64-bit shared object, x86-64");
    assert.equal(facts["Library name"], "libz.so.1");
    assert.match(facts["Build ID"] ?? "", /^[0-9a-f]{40}$/);
  });
});

describe("certificates", () => {
  test("facts equal OpenSSL's, in PEM and DER", async () => {
    for (const name of ["server.pem", "server.der"]) {
      const { title, ...facts } = await factsOf(name, kind(name));
      assert.match(title ?? "", /^X\.509 certificate \((PEM|DER)\)$/);
      assert.deepEqual(facts, {
        Subject: "C=DE, O=Exämple Works, CN=files.example",
        Issuer: "C=DE, O=Exämple Works, CN=files.example (itself)",
        "Valid from": "2026-11-24 08:20:19 UTC",
        "Valid until": "2126-10-31 08:20:19 UTC",
        Key: "RSA 2048 bits",
        Signature: "SHA-256 with RSA",
        Authority: "no",
        Usage: "digital signature, TLS server, TLS client",
        "Serial number": "27:4a:f6:35:06:dd:b6:08:b3:71:2f:3f:99:6b:38:77:01:2a:ee:87",
        "SHA-256 fingerprint": "acf96ddfc749c3fcc2fa990151f4576ecaa6d183b4e9328a6964bf51b640571c",
      });
      const found = await identityOf(name, kind(name));
      assert.deepEqual(
        rowsOf(found, "Names").map(([text]) => text),
        [
          "files.example",
          "*.files.example",
          "192.0.2.7",
          "2001:db8:0:0:0:0:0:7",
          "email:ops@files.example",
          "URI:https://files.example/about",
        ],
      );
    }
  });

  test("a bundle is listed; keys are named and nothing of them is shown", async () => {
    const found = await identityOf("roots.pem", kind("roots.pem"));
    assert.deepEqual(rowsOf(found, "Certificates"), [
      ["CN=Example Root 1", "until 2126-10-31"],
      ["CN=Example Root 2", "until 2081-08-27"],
    ]);
    const key = Buffer.from("-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n-----END RSA PRIVATE KEY-----\n");
    assert.deepEqual(await factsOf("key.pem", key), {
      title: "PEM: RSA private key",
      "RSA private key": "one",
    });
  });
});

describe("databases and others", () => {
  test("a database's header and schema, over several pages", async () => {
    const facts = await factsOf("app.db", kind("app.db"));
    assert.equal(facts.title, "SQLite 3 database");
    assert.equal(facts["User version"], "7");
    assert.equal(facts["Text encoding"], "UTF-8");
    const found = await identityOf("app.db", kind("app.db"));
    const tables = rowsOf(found, "Tables").map(([name]) => name);
    assert.equal(tables.length, 121);
    assert.ok(tables.includes("people") && tables.includes("table_119"));
    assert.deepEqual(rowsOf(found, "Indexes"), [["people_by_name", "on people"]]);
    assert.deepEqual(rowsOf(found, "Views"), [["names", ""]]);
  });

  test("archives, pictures, scripts, time zones by their magic", async () => {
    const zone = await demo.readFile("/usr/share/zoneinfo/Europe/Berlin");
    const cases: [name: string, bytes: Uint8Array, title: string][] = [
      ["x.gz", gzipSync("text"), "gzip compressed"],
      ["picture.png", kind("picture.png"), "PNG image, 30 × 20"],
      ["Berlin", zone, "time zone"],
      ["run", Buffer.from("#!/usr/bin/env python3\n"), "script for /usr/bin/env python3"],
      ["x.wasm", Buffer.from("\0asm\x01\0\0\0", "latin1"), "WebAssembly module"],
      ["A.class", Buffer.from([0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 65, 0, 9]), "Java class, for Java 21"],
      ["x.pyc", Buffer.from([0xf3, 0x0d, 13, 10, ...new Array(12).fill(0)]), "Python 3.13 bytecode"],
    ];
    for (const [name, bytes, title] of cases) assert.equal((await factsOf(name, bytes)).title, title);
    assert.equal(await identityOf("random", Buffer.from([1, 2, 3, 4])), undefined);
    assert.equal(await identityOf("empty", new Uint8Array(0)), undefined);
  });

  test("no damage and no cut makes it fail", async () => {
    const seeds: [string, Uint8Array][] = [
      ["toybox", await demo.readFile("/bin/toybox")],
      ...["app.db", "server.der", "server.pem", "picture.png"].map((name): [string, Buffer] => [
        name,
        kind(name),
      ]),
      ["x.gz", gzipSync("text")],
      ["x.pyc", Buffer.from([0xf3, 0x0d, 13, 10])],
    ];
    let state = 1;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 8) % below;
    };
    for (const [name, bytes] of seeds) {
      for (let i = 0; i < 200; i++) {
        const cut = i % 2 === 0 ? bytes.length : random(Math.min(bytes.length, 5000));
        const broken = Uint8Array.from(bytes.subarray(0, cut));
        for (let k = 0; k < 8 && cut > 0; k++) broken[random(Math.min(cut, 2000))] = random(256);
        await identityOf(name, broken);
      }
    }
  });
});
