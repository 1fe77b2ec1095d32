/**
 * Passwords for Amazon ECR: `GetAuthorizationToken` of its API (version 2015-09-21), signed with AWS keys.
 * `public.ecr.aws` needs none.
 * @module
 */
import { AwsClient } from "aws4fetch";
import { type Credentials, OcipeekError } from "ocipeek";
import { unpackBasic } from "../../../js/common/basic.ts";
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
    const { credentials, expiresAt } = readAnswer(await this.#request(endpoint));
    this.#known.set(endpoint.url, { credentials, until: expiresAt - MARGIN_MS });
    return credentials;
  }

  async #request({ region, url }: EcrEndpoint): Promise<string> {
    const { accessKeyId, secretAccessKey, sessionToken } = this.#keys;
    const keys = { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
    const client = new AwsClient({ ...keys, service: "ecr", region });
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
      const { status } = response;
      const help = "check the keys and that they may ecr:GetAuthorizationToken";
      const why = `AWS gives no password for ECR in ${region} (HTTP ${status}); ${help}`;
      throw new OcipeekError("UNAUTHORIZED", why, { status });
    }
    const text = await response.text();
    return text.slice(0, MAX_ANSWER);
  }
}

/** `20260102T030405Z`. */
function amzDate(ms: number): string {
  return new Date(ms).toISOString().replace(/[:-]|\.\d{3}/g, "");
}

/** The first token of the answer, which is that of `AWS:<password>`. */
function readAnswer(text: string): { credentials: Credentials; expiresAt: number } {
  try {
    const { authorizationData } = JSON.parse(text) as {
      authorizationData: { authorizationToken: string; expiresAt: number }[];
    };
    const [data] = authorizationData;
    const credentials = unpackBasic(data?.authorizationToken ?? "");
    const isPlain = Object.values(credentials ?? {}).every((it) => /^[\x21-\x7e]+$/.test(it));
    // Seconds since the epoch, with a fraction.
    const expiresAt = Number(data?.expiresAt) * 1000;
    if (credentials && isPlain && Number.isFinite(expiresAt)) return { credentials, expiresAt };
  } catch {
    // Not quoted: it may hold a password.
  }
  throw new OcipeekError("UNAUTHORIZED", "AWS sent something else than a password for ECR");
}
