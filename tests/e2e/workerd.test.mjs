// Every file of the demo image from a real docker-registry, in workerd.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { startDemoRegistry } from "../lib/docker-registry.mjs";
import { layers, merged } from "../lib/expected.mjs";
import { workerdPackage } from "../lib/package.mjs";
import { variants } from "../lib/variants.mjs";
import { startWorkerd } from "../lib/workerd.mjs";

const worker = (entry) => `
import { open } from "./pkg/${entry}";
import { checkImage } from "./check-image.mjs";
import merged from "./merged.json";
import layers from "./layers.json";
export default {
  async fetch(request) {
    if (request.method !== "POST") return new Response("ready");
    try {
      return Response.json(await checkImage(open, { ...(await request.json()), merged, layers }));
    } catch (error) {
      return new Response(error.stack, { status: 500 });
    }
  },
};
`;

describe("the whole demo image in workerd", () => {
  let registry;
  let workerd;
  before(async () => {
    registry = await startDemoRegistry();
    const { files, entry } = workerdPackage();
    workerd = await startWorkerd([
      ["worker.mjs", worker(entry)],
      ["check-image.mjs", readFileSync(new URL("../shared/check-image.mjs", import.meta.url))],
      ["merged.json", JSON.stringify(merged())],
      ["layers.json", JSON.stringify(layers())],
      ...files.map(([name, content]) => [`pkg/${name}`, content]),
    ]);
  });
  after(async () => {
    await workerd?.stop();
    await registry?.stop();
  });

  for (const [i, { name }] of variants("").entries()) {
    test(name, async () => {
      const { reference, options } = variants(registry.host)[i];
      const answer = await fetch(workerd.url, {
        method: "POST",
        body: JSON.stringify({ reference, options }),
      });
      const text = await answer.text();
      assert.equal(answer.status, 200, `${text}\n${workerd.output()}`);
      const report = JSON.parse(text);
      assert.deepEqual(report.problems, []);
      assert.ok(report.files > 4000, `${report.files} files`);
    });
  }
});
