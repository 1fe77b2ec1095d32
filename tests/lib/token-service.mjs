// A small token service for docker-registry's `auth.token`: Basic in, ES256 tokens out, and the
// OAuth2 form with refresh tokens. It counts what it is asked.
import { createHash, createPublicKey, generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { createServer } from "node:http";
import { closeServer, listen } from "../../scripts/lib/servers.mjs";

// --- DER, as far as one self-signed certificate needs it ---
const der = (tag, ...parts) => {
  const body = Buffer.concat(parts);
  const n = body.length;
  const length = n < 0x80 ? [n] : n < 0x100 ? [0x81, n] : [0x82, n >> 8, n & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
};
const sequence = (...parts) => der(0x30, ...parts);
const ECDSA_SHA256 = sequence(der(0x06, Buffer.from("2a8648ce3d040302", "hex")));
const name = (cn) =>
  sequence(der(0x31, sequence(der(0x06, Buffer.from("550403", "hex")), der(0x0c, Buffer.from(cn)))));
const utcTime = (year) => der(0x17, Buffer.from(`${String(year).slice(2)}0101000000Z`));

function selfSigned(publicKey, privateKey) {
  const spki = publicKey.export({ type: "spki", format: "der" });
  const tbs = sequence(
    der(0x02, Buffer.from([1])),
    ECDSA_SHA256,
    name("test"),
    sequence(utcTime(2020), utcTime(2049)),
    name("test"),
    spki,
  );
  const signature = sign("sha256", tbs, privateKey);
  const certificate = sequence(tbs, ECDSA_SHA256, der(0x03, Buffer.from([0]), signature));
  return `-----BEGIN CERTIFICATE-----\n${certificate.toString("base64").replace(/.{64}/g, "$&\n")}\n-----END CERTIFICATE-----\n`;
}

/** The key id that docker-registry computes: base32 of the first 30 bytes of the key's SHA-256, in groups of four. */
function keyId(publicKey) {
  const hash = createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest()
    .subarray(0, 30);
  const bits = Array.from(hash, (b) => b.toString(2).padStart(8, "0")).join("");
  const text = bits.replace(/.{5}/g, (five) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[Number.parseInt(five, 2)]);
  return text.match(/.{4}/g).join(":");
}

const base64url = (value) =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

/**
 * @param {{ username: string, password: string, service?: string, seconds?: number }} options `seconds`: how long tokens last
 */
export async function startTokenService({ username, password, service = "registry.test", seconds = 300 }) {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const publicKey = createPublicKey(privateKey);
  const kid = keyId(publicKey);
  const issuer = "test-issuer";
  const refreshToken = randomUUID();
  const asked = [];

  const issue = (scopes) => {
    const now = Math.floor(Date.now() / 1000);
    const access = scopes.map((scope) => {
      const [type, ...rest] = scope.split(":");
      const actions = rest
        .pop()
        .split(",")
        .filter((a) => a === "pull" || a === "push");
      return { type, name: rest.join(":"), actions };
    });
    const claims = {
      iss: issuer,
      sub: username,
      aud: service,
      exp: now + seconds,
      nbf: now - 5,
      iat: now,
      jti: randomUUID(),
      access,
    };
    const text = `${base64url({ typ: "JWT", alg: "ES256", kid })}.${base64url(claims)}`;
    const signature = sign("sha256", Buffer.from(text), {
      key: privateKey,
      dsaEncoding: "ieee-p1363",
    }).toString("base64url");
    return {
      token: `${text}.${signature}`,
      access_token: `${text}.${signature}`,
      expires_in: seconds,
      issued_at: new Date(now * 1000).toISOString(),
    };
  };

  const server = createServer(async (req, res) => {
    const url = new URL(req.url, "http://token");
    let body = "";
    for await (const chunk of req) body += chunk;
    const form = new URLSearchParams(body);
    const refresh = req.method === "POST" && form.get("grant_type") === "refresh_token";
    const values = refresh ? form : url.searchParams;
    asked.push({
      method: req.method,
      scope: values.get("scope"),
      service: values.get("service"),
      basic: req.headers.authorization !== undefined,
    });
    const basic = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
    const allowed = refresh
      ? form.get("refresh_token") === refreshToken
      : req.headers.authorization === basic;
    const headers = { "Content-Type": "application/json", "Access-Control-Allow-Origin": "*" };
    if (!allowed || values.get("service") !== service)
      return void res.writeHead(401, headers).end('{"errors":[{"code":"UNAUTHORIZED"}]}');
    res.writeHead(200, headers).end(JSON.stringify(issue(values.getAll("scope"))));
  });
  const port = await listen(server);
  return {
    /** For docker-registry's configuration. */
    config: {
      realm: `http://127.0.0.1:${port}/token`,
      service,
      issuer,
      certificate: selfSigned(publicKey, privateKey),
    },
    refreshToken,
    asked,
    stop: () => closeServer(server),
  };
}
