// Frameworks that render on a server.
const SHOW = `const show = (text) => {
  document.querySelector("pre").textContent = text;
  document.title = "done";
};
`;
const CLIENT = `${SHOW}probe().then(show, (error) => show(String(error.stack)));\n`;

const NEXT = {
  dependencies: { next: "16.4.6", react: "19.3.1", "react-dom": "19.3.1" },
  files: {
    "app/layout.js": `export default ({ children }) => (
  <html lang="en">
    <body>{children}</body>
  </html>
);
`,
    "app/page.js": `export default () => "a project";\n`,
    "app/component/page.js": `import { probe } from "../../probe.js";

export const dynamic = "force-dynamic";
export default async () => <pre>{await probe()}</pre>;
`,
    "app/route/route.js": `import { probe } from "../../probe.js";

export const dynamic = "force-dynamic";
export const GET = async () => new Response(await probe());
`,
    "app/client/page.js": `"use client";
import { useEffect } from "react";
import { probe } from "../../probe.js";

export default () => {
  useEffect(() => {
    ${CLIENT.replaceAll("\n", "\n    ").trim()}
  }, []);
  return <pre suppressHydrationWarning />;
};
`,
  },
};
const paths = { answers: ["/component", "/route"], page: "/client" };
const nuxtPaths = { answers: ["/route", "/"], page: "/" };
const nextStart = ["next", "start", "-H", "127.0.0.1", "-p", "PORT"];

const KIT = {
  dependencies: {
    "@sveltejs/kit": "3.2.0",
    "@sveltejs/adapter-node": "6.0.1",
    svelte: "5.57.3",
    "@sveltejs/vite-plugin-svelte": "7.3.1",
    vite: "8.4.0",
  },
  files: {
    "vite.config.js": `import adapter from "@sveltejs/adapter-node";
import { sveltekit } from "@sveltejs/kit/vite";
export default { plugins: [sveltekit({ adapter: adapter() })] };
`,
    "src/app.html":
      "<!doctype html><html><head>%sveltekit.head%</head><body>%sveltekit.body%</body></html>\n",
    "src/routes/+page.svelte": `<p>a project</p>\n`,
    "src/routes/route/+server.js": `import { probe } from "../../../probe.js";
export const GET = async () => new Response(await probe());
`,
    "src/routes/component/+page.server.js": `import { probe } from "../../../probe.js";
export const load = async () => ({ text: await probe() });
`,
    "src/routes/component/+page.svelte": `<script>
  const { data } = $props();
</script>
<pre>{data.text}</pre>
`,
    "src/routes/client/+page.svelte": `<script>
  import { onMount } from "svelte";
  import { probe } from "../../../probe.js";
  onMount(() => {
    ${CLIENT.replaceAll("\n", "\n    ").trim()}
  });
</script>
<pre></pre>
`,
  },
};

const ASTRO = {
  dependencies: { astro: "7.3.5", "@astrojs/node": "11.1.6" },
  files: {
    "astro.config.mjs": `import node from "@astrojs/node";
export default { output: "server", adapter: node({ mode: "standalone" }), devToolbar: { enabled: false } };
`,
    "src/pages/index.astro": "<p>a project</p>\n",
    "src/pages/component.astro": `---
import { probe } from "../../probe.js";
const text = await probe();
---
<pre set:text={text} />
`,
    "src/pages/route.js": `import { probe } from "../../probe.js";
export const GET = async () => new Response(await probe());
`,
    "src/pages/client.astro": `<html lang="en"><body><pre></pre>
<script>
  import { probe } from "../../probe.js";
  ${CLIENT.replaceAll("\n", "\n  ").trim()}
</script></body></html>
`,
  },
};

const NITRO = {
  dependencies: { nitropack: "2.13.6" },
  files: {
    "nitro.config.js": `export default { compatibilityDate: "2026-08-01", srcDir: "." };\n`,
    "routes/index.js": `export default eventHandler(() => "a project");\n`,
    "routes/route.js": `import { probe } from "../probe.js";
export default eventHandler(() => probe());
`,
  },
};

const NUXT = {
  dependencies: { nuxt: "4.5.2" },
  at: ["app/probe.js", "server/probe.js"],
  files: {
    "nuxt.config.js": `export default { compatibilityDate: "2026-08-01", telemetry: false, devtools: { enabled: false } };\n`,
    "server/routes/route.js": `import { probe } from "../probe.js";
export default defineEventHandler(() => probe());
`,
    // The server's part, until the page's own has come to an end.
    "app/app.vue": `<script setup>
import { onMounted } from "vue";
import { probe } from "./probe.js";
const { data } = await useAsyncData("text", () => (import.meta.server ? probe() : ""));
onMounted(() => {
  ${CLIENT.replaceAll("\n", "\n  ").trim()}
});
</script>
<template><pre>{{ data }}</pre></template>
`,
  },
};

export const SERVERS = [
  {
    name: "Next 16",
    ...NEXT,
    cases: [
      { name: "Turbopack, dev server", serve: ["next", "dev", "-H", "127.0.0.1", "-p", "PORT"], ...paths },
      { name: "Turbopack, build", run: [["next", "build"]], serve: nextStart, ...paths },
      {
        name: "webpack, dev server",
        serve: ["next", "dev", "--webpack", "-H", "127.0.0.1", "-p", "PORT"],
        ...paths,
      },
      { name: "webpack, build", run: [["next", "build", "--webpack"]], serve: nextStart, ...paths },
    ],
  },
  {
    name: "SvelteKit",
    ...KIT,
    cases: [
      { name: "dev server", serve: ["vite", "dev", "--host", "127.0.0.1", "--port", "PORT"], ...paths },
      { name: "build", run: [["vite", "build"]], serve: ["node", "build"], ...paths },
    ],
  },
  {
    name: "Astro",
    ...ASTRO,
    cases: [
      { name: "dev server", serve: ["astro", "dev", "--host", "127.0.0.1", "--port", "PORT"], ...paths },
      { name: "build", run: [["astro", "build"]], serve: ["node", "dist/server/entry.mjs"], ...paths },
    ],
  },
  {
    name: "Nitro",
    ...NITRO,
    cases: [
      {
        name: "dev server",
        serve: ["nitropack", "dev", "--host", "127.0.0.1", "--port", "PORT"],
        answers: ["/route"],
      },
      {
        name: "build",
        run: [["nitropack", "build"]],
        serve: ["node", ".output/server/index.mjs"],
        answers: ["/route"],
      },
    ],
  },
  {
    name: "Nuxt",
    ...NUXT,
    cases: [
      { name: "dev server", serve: ["nuxt", "dev", "--host", "127.0.0.1", "--port", "PORT"], ...nuxtPaths },
      { name: "build", run: [["nuxt", "build"]], serve: ["node", ".output/server/index.mjs"], ...nuxtPaths },
    ],
  },
];
