/**
 * Extras for Node, Deno and Bun, which need a file system or processes: Docker's credentials, a cache in a folder, proxies,
 * layouts to write to, and temporary files for indexing.
 * @packageDocumentation
 */
export { asIsFetch } from "./as-is-fetch.js";
export { DirectoryCache } from "./directory-cache.js";
export { credentialFiles, type DockerAuthOptions, dockerAuth } from "./docker-auth.js";
export { fileBytes } from "./file-bytes.js";
export { LayoutDestination } from "./layout-destination.js";
export { type ProxyFetchOptions, proxyFetch, proxyFetchIfNeeded } from "./proxy-fetch.js";
export { type Env, proxyFor } from "./proxy-rules.js";
export { createReadStream } from "./read-stream.js";
export { spillFile } from "./spill-file.js";
