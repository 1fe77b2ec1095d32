// `npm run test:bundlers`: the packed package in projects of many tools, each installed in an empty folder.
import { after, before, describe, test } from "node:test";
import { startPlace } from "../lib/users-place.mjs";
import { check } from "../lib/users-project.mjs";
import { MATRIX } from "./matrix.mjs";

let place;
before(async () => {
  place = await startPlace();
});
after(() => place?.stop());

for (const project of MATRIX) {
  describe(project.name, () => {
    let folder;
    before(async () => {
      folder = await place.project(project);
    });
    after(() => folder?.remove());
    for (const it of project.cases) test(it.name, () => check(folder.path, it, place.expected(project)));
  });
}
