/** Credentials of registries: the operator's out of secrets, and the caller's own. @module */
import { type Credentials, dockerConfigAuth } from "ocipeek";
import { unpackBasic } from "../../../js/common/basic.ts";
import { type Config, ConfigError } from "../config/config.ts";
import { HttpError } from "../errors.ts";
import type { FindAuth } from "../ports.ts";
import { EcrTokens, ecrOf } from "./ecr.ts";
import type { PlatformFetch } from "./guarded-fetch.ts";

/**
 * Finds the operator's credentials by registry: in the secret in the format of Docker's `config.json`, else, for
 * Amazon ECR, by the AWS keys. Nothing where neither is configured.
 * @throws ConfigError where the secret is not such a text
 */
export function operatorAuth(
  config: Pick<Config, "dockerConfig" | "aws">,
  platform: PlatformFetch,
  now: () => number,
): FindAuth | undefined {
  const { dockerConfig, aws } = config;
  const docker = dockerConfig === undefined ? undefined : dockerAuth(dockerConfig);
  const ecr = aws && new EcrTokens(aws, platform, now);
  if (!docker && !ecr) return undefined;
  return async (registry, repository) => {
    const found = docker?.(registry, repository);
    if (found || !ecr) return found;
    const account = ecrOf(registry);
    return account && ecr.get(account);
  };
}

/** Names under which Docker's configuration has Docker Hub. */
const HUB = new Set(["docker.io", "index.docker.io", "registry-1.docker.io"]);

/**
 * Whether the operator has credentials for a registry, by its name. For a part of its repositories counts too: what is
 * said so of an answer must not depend on which of them it came from.
 */
export function operatorReads(config: Pick<Config, "dockerConfig" | "aws">): (registry: string) => boolean {
  const hosts = new Set(config.dockerConfig === undefined ? [] : hostsOf(config.dockerConfig));
  return (registry) => hosts.has(registry) || (config.aws !== undefined && ecrOf(registry) !== undefined);
}

/** The registries of a Docker `config.json` for which it has anything. */
function hostsOf(text: string): string[] {
  const { auths } = JSON.parse(text) as { auths?: Record<string, unknown> };
  return Object.entries(auths ?? {})
    .filter(([, entry]) => typeof entry === "object" && entry !== null && Object.keys(entry).length > 0)
    .map(([name]) =>
      name
        .replace(/^https?:\/\//, "")
        .replace(/\/.*$/s, "")
        .toLowerCase(),
    )
    .map((host) => (HUB.has(host) ? "docker.io" : host));
}

function dockerAuth(text: string): ReturnType<typeof dockerConfigAuth> {
  try {
    return dockerConfigAuth(text);
  } catch (error) {
    // Its message does not quote the text.
    throw new ConfigError(`OCIPEEK_DOCKER_CONFIG: ${error instanceof Error ? error.message : "unreadable"}`);
  }
}

/**
 * The credentials in a caller's `Authorization: Basic …`.
 * @throws HttpError `INVALID_ARGUMENT`, without what it holds
 */
export function callerCredentials(authorization: string): Credentials {
  const encoded = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization)?.[1];
  const found = unpackBasic(encoded ?? "");
  if (found) return found;
  throw new HttpError("INVALID_ARGUMENT", "the Authorization header is not that of Basic credentials");
}
