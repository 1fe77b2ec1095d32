/**
 * Passwords for Amazon ECR: `GetAuthorizationToken` of its API (version 2015-09-21), signed with AWS keys.
 * `public.ecr.aws` needs none.
 * @module
 */
import { AwsClient } from "aws4fetch";
import { type Credentials, OcipeekError } from "ocipeek";
import type { AwsKeys } from "../config/config.ts";
import type { PlatformFetch } from "./guarded-fetch.ts";

/** Where the API for a registry is. */
export interface EcrEndpoint {
  readonly region: string;
  readonly url: string;
}

const TARGET = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken";
/** A password lasts twelve hours; it is asked for anew this long before its end. */
const MARGIN_MS = 5 * 60_000;
const TIMEOUT_MS = 10_000;
const MAX_ANSWER = 65_536;

/** The API of a private ECR registry (`<account>.dkr.ecr.<region>.amazonaws.com`); nothing for other hosts. */
export function ecrOf(registry: string): EcrEndpoint | undefined {
  const match =
    /^\d{12}\.dkr\.(ecr|ecr-fips)\.([a-z]{2,4}(?:-[a-z]+){1,3}-\d{1,2})\.amazonaws\.com(\.cn)?$/.exec(
      registry,
    );
  const [, service, region, china = ""] = match ?? [];
  if (!service || !region) return undefined;
  const host = service === "ecr" ? `api.ecr.${region}` : `ecr-fips.${region}`;
  return { region, url: `https://${host}.amazonaws.com${china}/` };
}

/** Passwords by endpoint: one is good for every registry that the keys may read. */
export class EcrTokens {
  readonly #keys: AwsKeys;
  readonly #fetch: PlatformFetch;
  readonly #now: () => number;
  readonly #known = new Map<string, { credentials: Credentials; until: number }>();

  constructor(keys: AwsKeys, fetch: PlatformFetch, now: () => number) {
    this.#keys = keys;
    this.#fetch = fetch;
    this.#now = now;
  }

  /**
   * User name and password.
   * @throws OcipeekError `UNAUTHORIZED` where AWS gives none, `NETWORK` where it does not answer
   */
  async get(endpoint: EcrEndpoint): Promise<Credentials> {
    const known = this.#known.get(endpoint.url);
    if (known && this.#now() < known.until) return known.credentials;
    const { token, expiresAt } = readAnswer(await this.#request(endpoint));
    const colon = token.indexOf(":");
    const credentials = { username: token.slice(0, colon), password: token.slice(colon + 1) };
    this.#known.set(endpoint.url, { credentials, until: expiresAt - MARGIN_MS });
    return credentials;
  }

  async #request({ region, url }: EcrEndpoint): Promise<string> {
    const { accessKeyId, secretAccessKey, sessionToken } = this.#keys;
    const client = new AwsClient({
      accessKeyId,
      secretAccessKey,
      service: "ecr",
      region,
      ...(sessionToken ? { sessionToken } : {}),
    });
    const body = "{}";
    const signed = await client.sign(url, {
      method: "POST",
      headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": TARGET },
      body,
      aws: { datetime: amzDate(this.#now()), allHeaders: true },
    });
    const response = await this.#fetch(url, {
      method: "POST",
      headers: Object.fromEntries(signed.headers),
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).catch((cause: unknown) => {
      throw new OcipeekError("NETWORK", "AWS does not answer", { cause });
    });
    if (response.status !== 200) {
      await response.body?.cancel().catch(() => {});
      throw new OcipeekError(
        "UNAUTHORIZED",
        `AWS gives no password for ECR in ${region} (HTTP ${response.status}); check the keys and that they may ecr:GetAuthorizationToken`,
        { status: response.status },
      );
    }
    const text = await response.text();
    return text.slice(0, MAX_ANSWER);
  }
}

/** `20260102T030405Z`. */
function amzDate(ms: number): string {
  return new Date(ms).toISOString().replace(/[:-]|\.\d{3}/g, "");
}

/** The first token of the answer, decoded: `AWS:<password>`. */
function readAnswer(text: string): { token: string; expiresAt: number } {
  try {
    const { authorizationData } = JSON.parse(text) as {
      authorizationData: { authorizationToken: string; expiresAt: number }[];
    };
    const [data] = authorizationData;
    const token = atob(data?.authorizationToken ?? "");
    // Seconds since the epoch, with a fraction.
    const expiresAt = Number(data?.expiresAt) * 1000;
    if (/^[\x21-\x39\x3b-\x7e]+:[\x21-\x7e]+$/.test(token) && Number.isFinite(expiresAt)) {
      return { token, expiresAt };
    }
  } catch {
    // Not quoted: it may hold a password.
  }
  throw new OcipeekError("UNAUTHORIZED", "AWS sent something else than a password for ECR");
}
