import type { Group } from "../../command.js";
import { check } from "./check.js";
import { convert } from "./convert.js";
import { create } from "./create.js";
import { info } from "./info.js";
import { list } from "./list.js";
import { push } from "./push.js";
import { rm } from "./rm.js";
import { verify } from "./verify.js";

export const soci: Group = {
  name: "soci",
  summary:
    "SOCI indexes, by which layers are read lazily: info, list, check, verify, convert, create, push, rm",
  details: `Examples:
  ocipeek soci check ghcr.io/owner/app:1
  ocipeek soci verify ghcr.io/owner/app:1
  ocipeek soci convert --all-platforms ghcr.io/owner/app:1 ghcr.io/owner/app:1-soci
  ocipeek soci convert oci:./image oci-archive:image-soci.tar

\`ocipeek soci IMAGE\` is short for \`ocipeek soci info IMAGE\`.
The words of AWS's soci work too: index list, index info, index rm, ztoc info, ztoc get-file, ztoc list.`,
  commands: [info, list, check, verify, convert, create, push, rm],
  aliases: {
    ls: "soci list",
    remove: "soci rm",
    "index info": "soci info",
    "index list": "soci list",
    "index ls": "soci list",
    "index rm": "soci rm",
    "index remove": "soci rm",
    ztoc: "ztoc",
  },
  otherwise: info,
};
