import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

// Three icons that neuroglancer takes from a commit of ikonate which no registry has.
const OWN_ICONS = ["code-alt", "controls-alt", "layers"];

const icons = OWN_ICONS.map((name) => ({
  find: new RegExp(`^ikonate/icons/${name}\\.svg`),
  replacement: fileURLToPath(new URL(`./icons/${name}.svg`, import.meta.url)),
}));

// A comment between `new Worker(` and `new URL(` hides the workers: the build would do without them
// and say nothing, and the page would stay black.
const showWorkers = () => ({
  name: "show-workers",
  enforce: "pre",
  transform(code, id) {
    if (!id.includes("/neuroglancer/") || !code.includes("webpackChunkName")) return null;
    return { code: code.replace(/\/\* webpackChunkName:[^*]*\*\//g, ""), map: null };
  },
});

export default defineConfig({
  // Served from any path.
  base: "./",
  resolve: { alias: icons },
  plugins: [showWorkers()],
  worker: { format: "es", plugins: () => [showWorkers()] },
  build: { target: "es2022", assetsInlineLimit: 0, chunkSizeWarningLimit: 5000 },
});
