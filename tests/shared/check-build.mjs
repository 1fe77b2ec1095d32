// The demo image indexed anew, in whatever runtime this runs: digests of everything that was made.
/**
 * @param {{ openSource: typeof import("ocipeek").openSource }} base
 * @param {typeof import("ocipeek/build")} build
 * @param {{ reference: string, created: any[], converted: any[] }} wanted
 * @returns {Promise<string[]>} what is wrong
 */
export async function checkBuild({ openSource }, { createIndex, convertImage, readZtoc }, wanted) {
  const problems = [];
  const check = (name, got, want) => {
    if (JSON.stringify(got) !== JSON.stringify(want)) {
      problems.push(`${name}: ${JSON.stringify(got)} is not ${JSON.stringify(want)}`);
    }
  };
  const hash = async (bytes) => {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    return `sha256:${Array.from(digest, (b) => b.toString(16).padStart(2, "0")).join("")}`;
  };
  const source = await openSource(wanted.reference);
  const common = { platforms: ["linux/amd64"], force: true };
  for (const { name, options, index } of wanted.created) {
    const artifacts = await createIndex(source, undefined, { ...options, ...common });
    const [image] = artifacts.images;
    check(`${name}: index`, image.index?.digest, index);
    check(`${name}: outcomes`, [...new Set(image.layers.map((it) => it.outcome))], ["indexed"]);
    for (const ztoc of image.ztocs) {
      const bytes = await ztoc.read(0, ztoc.size);
      check(`${name}: zTOC`, await hash(bytes), ztoc.digest);
      const facts = await readZtoc(bytes);
      check(`${name}: span size`, facts.spanSize, options.spanSize);
    }
    await artifacts.close();
  }
  for (const { name, options, index } of wanted.converted) {
    const image = await convertImage(source, undefined, { ...options, ...common });
    check(`${name}: index`, image.index.digest, index);
    check(`${name}: bytes`, await hash(image.index.bytes), index);
    await image.close();
  }
  await source.close();
  return problems;
}
