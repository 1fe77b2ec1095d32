// The demo image in a registry that fails as it is told to.
import { createServer } from "node:http";
import { CORS, readLayout, registryHandler } from "../../scripts/lib/layout-registry.mjs";
import { closeServer, listen } from "../../scripts/lib/servers.mjs";
import { DEMO, REPOSITORY } from "./docker-registry.mjs";

const CREDENTIALS = `Basic ${Buffer.from("ada:secret").toString("base64")}`;

/** `fault` of the returned object is what it does now; `undefined` for nothing. */
export async function startFaultRegistry() {
  const layout = readLayout(DEMO);
  const good = registryHandler({ layout, repository: REPOSITORY });
  const state = { fault: undefined, asked: 0 };

  const fail = (res, status, code, headers = {}) => {
    const body = JSON.stringify({ errors: [{ code, message: `the registry says ${code}` }] });
    res.writeHead(status, { ...CORS, "Content-Type": "application/json", ...headers }).end(body);
  };
  /** Passes on what the registry answers, with `change` applied to its bytes. */
  const changed = (req, res, change) => {
    const { write, end } = res;
    res.write = (chunk, ...rest) => write.call(res, change(Buffer.from(chunk)), ...rest);
    res.end = (chunk, ...rest) =>
      Buffer.isBuffer(chunk)
        ? end.call(res, change(Buffer.from(chunk)), ...rest)
        : end.call(res, chunk, ...rest);
    good(req, res);
  };
  const flip = (bytes) => {
    if (bytes.length > 0) bytes[bytes.length >> 1] ^= 1;
    return bytes;
  };

  const FAULTS = {
    private: (req, res) => {
      if (req.method === "OPTIONS" || req.headers.authorization === CREDENTIALS) return good(req, res);
      fail(res, 401, "UNAUTHORIZED", { "WWW-Authenticate": 'Basic realm="demo"' });
    },
    forbidden: (_, res) => fail(res, 403, "DENIED"),
    limited: (_, res) =>
      fail(res, 429, "TOOMANYREQUESTS", {
        "Retry-After": "120",
        "Access-Control-Expose-Headers": `${CORS["Access-Control-Expose-Headers"]}, Retry-After`,
      }),
    // Each zTOC and span has a wrong byte.
    corrupt: (req, res) => (req.url.includes("/blobs/") ? changed(req, res, flip) : good(req, res)),
    noCors: registryHandler({ layout, repository: REPOSITORY, cors: false }),
    down: (req) => req.socket.destroy(),
    // Manifests come, blobs do not end.
    slow: (req, res) => (req.url.includes("/blobs/") ? undefined : good(req, res)),
  };

  const server = createServer((req, res) => {
    state.asked += 1;
    const { fault } = state;
    if (fault === undefined) return good(req, res);
    return FAULTS[fault](req, res);
  });
  const port = await listen(server);
  return Object.assign(state, {
    host: `127.0.0.1:${port}`,
    stop: () => {
      server.closeAllConnections();
      return closeServer(server);
    },
  });
}
