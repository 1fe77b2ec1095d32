/**
 * What needs a file system or processes: Docker's credentials, a cache in a folder, layouts to write to, and files for what indexing keeps meanwhile. For Node, Deno and Bun.
 * @packageDocumentation
 */
export { DirectoryCache } from "./directory-cache.js";
export { type DockerAuthOptions, dockerAuth } from "./docker-auth.js";
export { fileBytes } from "./file-bytes.js";
export { LayoutDestination } from "./layout-destination.js";
export { spillFile } from "./spill-file.js";
