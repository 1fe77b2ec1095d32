/** Answers whose body is here as a whole. @module */

/** An answer with its length; to HEAD without its body. */
export function wholeAnswer(
  { method }: Pick<Request, "method">,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string>,
  status = 200,
): Response {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const all = { ...headers, "content-length": String(bytes.length) };
  return new Response(method === "HEAD" ? null : bytes, { status, headers: all });
}
