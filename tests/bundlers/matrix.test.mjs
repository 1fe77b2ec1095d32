// `npm run test:bundlers`: the packed package in projects of many tools, each installed in an empty folder.
import { after, before, describe, test } from "node:test";
import { tempFolder } from "../lib/processes.mjs";
import { pack, startPlace } from "../lib/users-place.mjs";
import { check, makeProject } from "../lib/users-project.mjs";
import { MATRIX } from "./matrix.mjs";

let place;
let packed;
let tarball;
before(async () => {
  place = await startPlace();
  packed = tempFolder("packed");
  tarball = await pack(packed.path);
});
after(async () => {
  await place?.stop();
  packed?.remove();
});

for (const project of MATRIX) {
  describe(project.name, () => {
    let folder;
    before(async () => {
      const files = { ...place.probe(project), ...project.files };
      folder = await makeProject({ ...project, files }, tarball);
    });
    after(() => folder?.remove());
    for (const it of project.cases) test(it.name, () => check(folder.path, it, place.expected(project)));
  });
}
