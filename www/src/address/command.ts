/** Images in command lines and Dockerfiles that people paste. @module */

/** What a line names. */
export interface Named {
  reference: string;
  platform?: string;
}

/** Programs that run or fetch images; with the words that may stand before the image. */
const PROGRAMS: Record<string, RegExp> = {
  docker:
    /^(?:pull|run|create|image|images|inspect|history|save|push|tag|manifest|buildx|imagetools|scout|sbom)$/,
  podman: /^(?:pull|run|create|image|inspect|history|save|push|tag|manifest)$/,
  nerdctl: /^(?:pull|run|create|image|inspect|history|save|push|tag)$/,
  crane: /^(?:pull|manifest|config|digest|export|ls|copy|cp|tag|validate|blob)$/,
  skopeo: /^(?:inspect|copy|list-tags|sync)$/,
  oras: /^(?:pull|manifest|fetch|discover|copy|cp|repo|tags|ls)$/,
  regctl: /^(?:image|manifest|get|inspect|digest|copy|tag|ls)$/,
  ctr: /^(?:image|images|i|pull|run)$/,
  crictl: /^(?:pull|inspecti)$/,
  buildah: /^(?:pull|from)$/,
  trivy: /^(?:image|i)$/,
  grype: /^$/,
  syft: /^(?:scan)$/,
  dive: /^$/,
  cosign: /^(?:verify|tree|triangulate|download|sbom|attestation|signature)$/,
  ocipeek: /^(?:cat|ls|tree|inspect|stat|extract|find|du|layers|history|sum|get)$/,
};

/** Options of these programs that take the next word with them. */
const WITH_VALUE =
  /^(?:-[evpwulmhc]|--(?:name|network|net|env|env-file|volume|publish|workdir|user|label|mount|hostname|entrypoint|memory|cpus|restart|add-host|cap-add|cap-drop|device|dns|ip|link|log-driver|pull|runtime|security-opt|shm-size|tmpfs|ulimit|authfile|creds|cert-dir|tls-verify|format|override-arch|override-os|override-variant|registries-conf|namespace|address|output|cache-dir|username|password|key|gpus|ipc|pid|userns|add))$/;

/** The image that a line names: `docker pull …`, `FROM …`, `image: …`. Nothing where it is no such line. */
export function imageInLine(text: string): Named | undefined {
  const line = text.trim().replace(/^(?:[$#>%]\s+)?(?:sudo\s+)?/, "");
  const dockerfile = /^FROM\s+(?:--platform=(\S+)\s+)?(\S+)(?:\s+AS\s+\S+)?$/i.exec(line);
  if (dockerfile?.[2]) return named(dockerfile[2], dockerfile[1]);
  const copied = /^(?:COPY|ADD)\s+(?:--\S+\s+)*?--from=(\S+)/i.exec(line);
  if (copied?.[1]) return named(copied[1]);
  const yaml = /^(?:-\s+)?["']?image["']?\s*[:=]\s*["']?([^\s"',]+)["']?,?$/.exec(line);
  if (yaml?.[1]) return named(yaml[1]);
  const [program, ...words] = splitWords(line);
  const before = PROGRAMS[(program === "npx" ? words.shift() : program) ?? ""];
  return before && imageInWords(words, before);
}

function imageInWords(words: string[], before: RegExp): Named | undefined {
  let platform: string | undefined;
  // `docker ps` names no image; `dive IMAGE` has no word before it.
  if (before.source !== "^$" && !before.test(words.find((word) => !word.startsWith("-")) ?? ""))
    return undefined;
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? "";
    const option = /^(--platform|--arch)(?:=(.*))?$/.exec(word);
    if (option) {
      const value = option[2] ?? words[++i];
      platform = value?.includes("/") ? value : platform;
    } else if (WITH_VALUE.test(word)) i++;
    else if (word.startsWith("-") || before.test(word)) continue;
    else return named(word, platform);
  }
  return undefined;
}

function named(word: string, platform?: string): Named | undefined {
  const reference = word.replace(/^(?:docker|oci|registry):\/\//, "").replace(/^docker-image:\/\//, "");
  // A build's stage, a variable: what they are, stands elsewhere.
  if (reference === "" || reference.includes("$")) return undefined;
  const known = platform !== undefined && /^[\w.-]+\/[\w.-]+(?:\/[\w.-]+)?$/.test(platform);
  return { reference, ...(known ? { platform } : {}) };
}

/** Words as a shell has them, as far as images need it: quotes, no expansions; up to a pipe or a further command. */
function splitWords(line: string): string[] {
  const words = line.match(/"[^"]*"|'[^']*'|[|;&<>]|[^\s"'|;&<>]+/g) ?? [];
  const end = words.findIndex((word) => /^[|;&<>]$/.test(word));
  return (end < 0 ? words : words.slice(0, end)).map((word) => word.replace(/^(["'])(.*)\1$/, "$2"));
}
