// Callers that do not take what they asked for: some leave in the middle, some stay and read nothing.
import { connect } from "node:net";

/** Sends a request, and reads nothing of the answer. */
function ask(url, path, onClose) {
  const { hostname, port, host } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) }, () => {
    socket.write(`GET ${path} HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
  });
  socket.pause();
  socket.on("error", () => {});
  socket.on("close", onClose);
  return socket;
}

/** Keeps a caller for each path; one that is gone comes again. Gives what ends them all. */
function keep(url, paths, begin) {
  let isOver = false;
  const sockets = paths.map(() => /** @type {import("node:net").Socket | undefined} */ (undefined));
  const come = (path, i) => {
    if (isOver) return;
    sockets[i] = ask(url, path, () => setTimeout(come, 10, path, i));
    begin(sockets[i]);
  };
  for (const [i, path] of paths.entries()) come(path, i);
  return () => {
    isOver = true;
    for (const socket of sockets) socket?.destroy();
  };
}

/**
 * Callers that read nothing.
 * @param {string} url
 * @param {string[]} paths what each asks for
 */
export function hang(url, paths) {
  return keep(url, paths, () => {});
}

/**
 * Callers that read for a moment, up to `ms`, and leave.
 * @param {string} url
 * @param {string[]} paths what each asks for
 */
export function leave(url, paths, ms = 50) {
  return keep(url, paths, (socket) => {
    socket.resume();
    setTimeout(() => socket.destroy(), Math.random() * ms);
  });
}
