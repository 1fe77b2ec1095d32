/** An image's name in its parts: what tells one from another stands out. @module */
import { repositoryOf } from "../../address/pin.ts";
import { shortDigest } from "../../format/format.ts";

interface ReferenceProps {
  /** `file:NAME` is a local image. */
  reference: string;
  /** Without tag and digest: a picker beside it has them. */
  short?: boolean;
}

export function Reference({ reference, short }: ReferenceProps) {
  if (reference.startsWith("file:")) {
    return (
      <span class="reference" title={reference.slice(5)}>
        <span class="reference-soft">file </span>
        <bdi>{reference.slice(5)}</bdi>
      </span>
    );
  }
  const repository = repositoryOf(reference);
  const cut = repository.lastIndexOf("/") + 1;
  const rest = reference.slice(repository.length);
  const at = rest.indexOf("@");
  const tag = at < 0 ? rest : rest.slice(0, at);
  const digest = at < 0 ? "" : rest.slice(at + 1);
  return (
    <bdi class="reference" title={reference}>
      <span class="reference-soft">{repository.slice(0, cut)}</span>
      {repository.slice(cut)}
      {!short && (
        <span class="reference-soft">
          {tag}
          {digest && `@${shortDigest(digest)}`}
        </span>
      )}
    </bdi>
  );
}
