/** The tags of a repository. @module */
import { type RegistryAnswer, registryFetch } from "ocipeek";
import { referenceOf } from "../../../../web/reference.ts";
import { EngineError } from "../../protocol/api.ts";
import type { CallContext } from "../../protocol/rpc.ts";
import { explained } from "../failure.ts";
import type { Registries } from "./registries.ts";
import { parseJson, Transport } from "./transport.ts";

const PER_PAGE = 1000;
/** Registries that give less than what is asked for give at least so many. */
const SMALLEST_PAGE = 50;
/** More are not listed: nobody looks through them. */
const MAX_TAGS = 10_000;
const MAX_ANSWER_BYTES = 4 << 20;

/** Tags of the repository of a reference, as its registry lists them; the first 10,000. */
export async function tags({ signal }: CallContext, registries: Registries, text: string): Promise<string[]> {
  const reference = referenceOf(text);
  if (!reference) {
    const message = `${text} names no image`;
    throw new EngineError({ code: "INVALID_REFERENCE", message });
  }
  const { registry, repository } = reference;
  const transport = new Transport(registries, registry);
  const fetch = registryFetch(`${registry}/${repository}`, {
    auth: (host) => registries.credentials(host),
    fetch: transport.fetch,
    plainHttp: transport.isPlain,
  });
  const found = new Set<string>();
  try {
    for (let last = "", more = true; more && found.size < MAX_TAGS; ) {
      const answer = await fetch(`tags/list?n=${PER_PAGE}${last}`, { signal });
      if (answer.status !== 200) throw await fetch.failure(answer, `the tags of ${repository}`);
      const page = tagsOf(await readJson(answer));
      const before = found.size;
      for (const tag of page) found.add(tag);
      // Pages of other origins may not see the link: then what looks like a full page is followed by one more request.
      const isHidden = answer.next === undefined && answer.isFiltered && page.length >= SMALLEST_PAGE;
      // Who does not understand `last` gives the same again.
      more = (isHidden || answer.next !== undefined) && found.size > before;
      last = `&last=${encodeURIComponent(page.at(-1) ?? "")}`;
    }
  } catch (error) {
    throw explained(error, transport);
  }
  return [...found].slice(0, MAX_TAGS);
}

async function readJson({ body }: RegistryAnswer): Promise<unknown> {
  const text = await new Response(body).text();
  return text.length > MAX_ANSWER_BYTES ? undefined : parseJson(text);
}

function tagsOf(json: unknown): string[] {
  const { tags } = Object(json) as { tags?: unknown };
  if (!Array.isArray(tags)) return [];
  return tags.filter((tag): tag is string => typeof tag === "string" && /^[\w][\w.-]{0,127}$/.test(tag));
}
