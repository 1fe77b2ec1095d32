/** Images in web addresses that people paste: registries' own pages, this page's and the worker's URLs. @module */
import { type Address, parseAddress, safeDecode } from "./address.ts";

/** A page about images at a host: the path's pattern, and the reference that it names. */
type Rule = (path: string, url: URL) => string | undefined;

const rules: Record<string, Rule> = {
  "hub.docker.com": (path) => {
    const layer = /^\/layers\/([^/]+\/[^/]+)\/([^/]+)(?:\/images\/sha256-([0-9a-f]{64}))?/.exec(path);
    if (layer) return name(layer[1] ?? "", layer[2], layer[3]);
    const tagged = /^\/v2\/(?:repositories\/([^/]+\/[^/]+)|namespaces\/([^/]+)\/repositories\/([^/]+))/.exec(
      path,
    );
    if (tagged) return name(tagged[1] ?? `${tagged[2]}/${tagged[3]}`, /\/tags\/([^/]+)/.exec(path)?.[1]);
    const found = /^\/(?:_\/([^/]+)|(?:r|repository\/docker)\/([^/]+\/[^/]+))/.exec(path);
    return found ? (found[1] ?? found[2]) : undefined;
  },
  "github.com": (path, url) => {
    const found =
      /^\/([^/]+)\/[^/]+\/pkgs\/container\/([^/]+)/.exec(path) ??
      /^\/(?:orgs|users)\/([^/]+)\/packages\/container\/(?:package\/)?([^/]+)/.exec(path);
    if (!found?.[1] || !found[2]) return undefined;
    const repository = `${found[1]}/${safeDecode(found[2])}`.toLowerCase();
    return name(`ghcr.io/${repository}`, url.searchParams.get("tag"));
  },
  "quay.io": (path, url) => {
    const found = /^\/repository\/([^/]+\/[^/]+)(?:\/(?:manifest\/sha256:([0-9a-f]{64})|tag\/([^/]+)))?/.exec(
      path,
    );
    if (!found?.[1]) return undefined;
    return name(`quay.io/${found[1]}`, found[3] ?? url.searchParams.get("tag"), found[2]);
  },
  "gallery.ecr.aws": (path) => {
    const found = /^\/([^/]+\/.+?)\/?$/.exec(path);
    return found ? `public.ecr.aws/${found[1]}` : undefined;
  },
  "mcr.microsoft.com": (path) => {
    const found = /^\/[a-z-]+\/(?:artifact\/mcr|product)\/(.+?)(?:\/(?:about|tags|tag\/([^/]+)))?\/?$/.exec(
      path,
    );
    return found?.[1] ? name(`mcr.microsoft.com/${found[1]}`, found[2]) : undefined;
  },
  "oci.dag.dev": (_path, { searchParams }) =>
    searchParams.get("image") ?? searchParams.get("repo") ?? undefined,
  "console.cloud.google.com": (path) => {
    const docker = /^\/artifacts\/docker\/([^/]+)\/([^/]+)\/([^/]+)\/([^/;]+)/.exec(path);
    if (docker) return `${docker[2]}-docker.pkg.dev/${docker[1]}/${docker[3]}/${safeDecode(docker[4] ?? "")}`;
    const gcr = /^\/gcr\/images\/([^/]+)\/(?:global\/)?([^/?@]+)(?:@sha256:([0-9a-f]{64}))?/.exec(path);
    return gcr ? name(`gcr.io/${gcr[1]}/${gcr[2]}`, undefined, gcr[3]) : undefined;
  },
};
rules["explore.ggcr.dev"] = rules["oci.dag.dev"] as Rule;
rules["www.docker.com"] = rules["hub.docker.com"] as Rule;

/**
 * What a web address names; nothing where it names no image. `base`: where this page is, below which a worker may
 * have its URLs.
 */
export function imageInUrl(text: string, base?: string): (Partial<Address> & { image: string }) | undefined {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  // A link to this page, wherever it is hosted.
  if (url.hash.startsWith("#/")) {
    const address = parseAddress(url.hash);
    if (address.image !== undefined && !address.image.startsWith("file:")) {
      return { ...address, image: address.image };
    }
  }
  const rule = rules[url.hostname];
  const known = rule?.(url.pathname, url);
  if (known) return { image: known };
  const path = base && url.href.startsWith(base) ? `/${url.href.slice(base.length)}` : undefined;
  const worker = workersUrl(path ? path.replace(/[?#].*/, "") : url.pathname, url, path !== undefined);
  if (worker) return worker;
  if (rule && !/^(?:quay\.io|mcr\.microsoft\.com)$/.test(url.hostname)) return undefined;
  const api = /^\/v2\/(.+)\/(?:manifests\/([^/]+)|tags\/list|referrers\/([^/]+))$/.exec(url.pathname);
  const host = url.host;
  if (api?.[1]) return { image: atRegistry(host, api[1], api[2] ?? api[3]) };
  const plain = /^\/([^?#]+?)\/?$/.exec(url.pathname);
  return plain?.[1] ? { image: `${host}/${safeDecode(plain[1])}` } : undefined;
}

/** `/<image>/-/<path>`, `/-/v2/<registry>/…`; below this page's own base also `/<image>/`. */
function workersUrl(
  path: string,
  url: URL,
  own: boolean,
): (Partial<Address> & { image: string }) | undefined {
  const proxied = /^\/-\/v2\/([^/]+)\/(.+)\/(?:manifests\/([^/]+)|tags\/list|referrers\/([^/]+))$/.exec(path);
  if (proxied?.[1] && proxied[2]) {
    return { image: atRegistry(proxied[1], proxied[2], proxied[3] ?? proxied[4]) };
  }
  const file = /^\/(.+?)\/-\/(.*)$/.exec(path) ?? (own ? /^\/([^/-].*?\/.+?)\/?()$/.exec(path) : null);
  if (!file?.[1]?.includes("/")) return undefined;
  // The page's addresses are written as the worker's URLs are.
  const { image, ...rest } = parseAddress(`#/${file[1]}/-/${file[2] ?? ""}${url.search}`);
  return image === undefined ? undefined : { ...rest, image };
}

function atRegistry(host: string, repository: string, target: string | undefined): string {
  const registry = host === "registry-1.docker.io" ? "docker.io" : host;
  const end = target === undefined ? "" : target.includes(":") ? `@${target}` : `:${target}`;
  return `${registry}/${repository}${end}`;
}

function name(repository: string, tag?: string | null, hex?: string): string {
  const short = repository.replace(/^library\//, "");
  return `${short}${tag ? `:${tag}` : ""}${hex ? `@sha256:${hex}` : ""}`;
}
