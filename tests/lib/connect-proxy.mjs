// A small HTTP proxy on loopback: tunnels by CONNECT, and plain requests by their whole URL. It knows made-up hosts.
import { createServer, request } from "node:http";
import { connect } from "node:net";
import { closeServer, listen } from "../../scripts/lib/servers.mjs";

/**
 * Starts it.
 * @param {Record<string, number>} hosts ports on loopback by `host:port`
 * @param {{ credentials?: string }} [options] `user:password` that it wants
 */
export async function startProxy(hosts, { credentials } = {}) {
  /** `CONNECT host:port` or `GET http://host/…`, in order. */
  const asked = [];
  const wanted = credentials && `Basic ${Buffer.from(credentials).toString("base64")}`;
  const isAllowed = (req) => !wanted || req.headers["proxy-authorization"] === wanted;
  const sockets = new Set();
  const server = createServer((req, res) => {
    asked.push(`${req.method} ${req.url}`);
    const url = URL.canParse(req.url) ? new URL(req.url) : undefined;
    const port = url && hosts[`${url.hostname}:${url.port || 80}`];
    if (!isAllowed(req)) return void res.writeHead(407).end();
    if (!port) return void res.writeHead(502).end();
    const { "proxy-authorization": _, ...headers } = req.headers;
    const path = `${url.pathname}${url.search}`;
    const onward = request({ host: "127.0.0.1", port, path, method: req.method, headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(res);
    });
    onward.on("error", () => res.destroy());
    req.pipe(onward);
  });
  server.on("connect", (req, socket) => {
    asked.push(`CONNECT ${req.url}`);
    const port = hosts[req.url ?? ""];
    const refuse = (status) => socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`);
    if (!isAllowed(req)) return void refuse("407 Proxy Authentication Required");
    if (!port) return void refuse("502 Bad Gateway");
    const behind = connect(port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      socket.pipe(behind).pipe(socket);
    });
    for (const each of [socket, behind]) {
      sockets.add(each);
      each.on("error", () => each.destroy());
      each.on("close", () => {
        sockets.delete(each);
        socket.destroy();
        behind.destroy();
      });
    }
  });
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    /** What was asked since the last call. */
    asked: () => asked.splice(0),
    stop: () => {
      for (const socket of sockets) socket.destroy();
      return closeServer(server);
    },
  };
}
