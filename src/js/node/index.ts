/**
 * What needs a file system or processes: Docker's credentials, and a cache in a folder. For Node, Deno and Bun.
 * @packageDocumentation
 */
export { DirectoryCache } from "./directory-cache.js";
export { type DockerAuthOptions, dockerAuth } from "./docker-auth.js";
