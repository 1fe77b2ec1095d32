// TLS before a server that speaks none, with a certificate that nobody trusts by default.
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { createServer } from "node:tls";
import { ROOT } from "../../scripts/lib/run.mjs";
import { listen } from "../../scripts/lib/servers.mjs";

const fixture = (name) => join(ROOT, "tests", "fixtures", "certificates", name);
/** The certificate of the authority. */
export const AUTHORITY = fixture("loopback-ca.pem");

/** Starts it before `host:port`. The certificate is for `localhost`, `127.0.0.1`, `registry.test` and names below that. */
export async function tlsBefore(host) {
  const [hostname = "", port] = host.split(":");
  const options = { cert: readFileSync(fixture("loopback.pem")), key: readFileSync(fixture("loopback.key")) };
  const sockets = new Set();
  let handshakes = 0;
  const server = createServer(options, (socket) => {
    handshakes += 1;
    const behind = connect(Number(port), hostname);
    for (const each of [socket, behind]) {
      sockets.add(each);
      each.on("error", () => each.destroy());
      each.on("close", () => {
        sockets.delete(each);
        socket.destroy();
        behind.destroy();
      });
    }
    socket.pipe(behind).pipe(socket);
  });
  // Who sends something else, or trusts nobody.
  server.on("tlsClientError", () => {});
  const at = await listen(server);
  return {
    port: at,
    host: `localhost:${at}`,
    /** Handshakes that came to their end. */
    handshakes: () => handshakes,
    stop: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
