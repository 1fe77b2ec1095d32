/** The preview worker: parses texts for the page. The page ends it where one takes too long. @module */
import { parseJson } from "../format/json.ts";
import type { ApiFailure } from "../protocol/api.ts";
import { type Endpoint, serve } from "../protocol/rpc.ts";
import { loadLanguage } from "./languages.ts";
import type { PreviewApi } from "./protocol.ts";
import { runsOf } from "./runs.ts";

serve<PreviewApi>(
  globalThis as unknown as Endpoint,
  {
    async highlight(_, text, name) {
      const [{ default: hljs }, languages] = await Promise.all([
        import("highlight.js/lib/core"),
        loadLanguage(name),
      ]);
      if (languages.length === 0) return undefined;
      for (const [it, language] of languages) hljs.registerLanguage(it, language);
      return runsOf(hljs.highlight(text, { language: name, ignoreIllegals: true }).value);
    },
    json: (_, text) => parseJson(text),
    async markdown(_, text) {
      const { marked } = await import("marked");
      return marked.parse(text, { async: false, gfm: true });
    },
  },
  (thrown): ApiFailure => ({ code: "INTERNAL", message: String(thrown) }),
);
