/** Filter of a tree, as the user types. @module */
import { useLayoutEffect, useState } from "preact/hooks";
import { engine } from "../../page/engine.ts";
import { asEngineError } from "../../page/session.ts";
import type { TreeModel } from "./model.ts";

/**
 * Filters a tree by a query; the latest one wins. `onFiltered` is called when the tree changed. Gives what is wrong with
 * the query, if anything is.
 */
export function useFilter(model: TreeModel, query: string, onFiltered: () => void): string | undefined {
  const [problem, setProblem] = useState<string>();
  // What is to be called does not matter: only a new query or tree is asked for.
  useLayoutEffect(() => {
    setProblem(undefined);
    if (query === (model.filter?.query ?? "")) return;
    if (query === "") {
      model.clearFilter();
      onFiltered();
      return;
    }
    const stop = new AbortController();
    engine.filter([model.catalogue.id, query], { signal: stop.signal }).then(
      (found) => {
        if (stop.signal.aborted) return;
        model.setFilter(query, found);
        onFiltered();
      },
      (error) => {
        if (!stop.signal.aborted) setProblem(asEngineError(error).message);
      },
    );
    return () => stop.abort();
  }, [model, query]);
  return problem;
}
