/**
 * What needs a file system or processes: Docker's credentials, a cache in a folder, and layouts to write to. For Node, Deno and Bun.
 * @packageDocumentation
 */
export { DirectoryCache } from "./directory-cache.js";
export { type DockerAuthOptions, dockerAuth } from "./docker-auth.js";
export { LayoutDestination } from "./layout-destination.js";
