import type { Group } from "../../command.js";
import { build } from "./build.js";
import { getFile } from "./get-file.js";
import { info } from "./info.js";
import { list } from "./list.js";

export const ztoc: Group = {
  name: "ztoc",
  summary: "tables of contents of single layers: info, list, get-file, build",
  details: `Examples:
  ocipeek ztoc build -o layer.ztoc layer.tar.gz
  ocipeek ztoc get-file layer.ztoc layer.tar.gz /etc/hosts > hosts

A zTOC is named by its file, or with --image by its digest in an image's repository.`,
  commands: [info, list, getFile, build],
  aliases: { ls: "ztoc list" },
};
