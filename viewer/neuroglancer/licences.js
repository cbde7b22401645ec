// Gathers the licences of what went into `dist` in `dist/THIRD-PARTY.txt`: those of every package
// that neuroglancer needs, more than were bundled rather than fewer.
import { readFileSync, readdirSync, writeFileSync, existsSync } from "node:fs";
import { join } from "node:path";

const RULE = `${"=".repeat(80)}\n`;

const manifest = (folder) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));

/** Where node would find a package that is asked for from a folder. */
function find(name, from) {
  for (let folder = from; ; folder = join(folder, "..")) {
    const at = join(folder, "node_modules", name);
    if (existsSync(join(at, "package.json"))) return at;
    if (existsSync(join(folder, "package-lock.json"))) return null;
  }
}

/** The folders of a package and of all that it needs. */
function gather(folder, found) {
  if (found.has(folder)) return found;
  found.add(folder);
  const { dependencies = {}, optionalDependencies = {} } = manifest(folder);
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
    const next = find(name, folder);
    if (next) gather(next, found);
    else if (!(name in optionalDependencies)) throw new Error(`${name} is not installed`);
  }
  return found;
}

/** The licence and notice files of a folder and of those below it (but for other packages). */
function texts(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return entry.name === "node_modules" ? [] : texts(path);
      return /^(licen[cs]e|notice|copying)/i.test(entry.name) && !/\.(js|ts|d\.ts)$/.test(entry.name)
        ? [path]
        : [];
    });
}

const here = import.meta.dirname;
const start = find("neuroglancer", here);
const missing = [];
const parts = [...gather(start, new Set())]
  .map((folder) => ({ folder, ...manifest(folder) }))
  .sort((a, b) => (a.name < b.name ? -1 : 1))
  .map(({ folder, name, version, license }) => {
    const files = texts(folder);
    if (files.length === 0) missing.push(name);
    const said = files.map((file) => `--- ${file.slice(folder.length + 1)}\n\n${readFileSync(file, "utf8")}`);
    const none = "(The package has no licence file; this is what its description says.)\n";
    return `${RULE}${name} ${version}\nlicence: ${JSON.stringify(license ?? "not stated")}\n${RULE}\n${said.join("\n") || none}`;
  });
const head =
  "neuroglancer (https://github.com/google/neuroglancer) and what it is made of, with the licences\n" +
  "of each. The client was built without changes to its source but for three icons drawn anew.\n\n";
writeFileSync(join(here, "dist", "THIRD-PARTY.txt"), head + parts.join("\n"));
console.log(`licences of ${parts.length} packages; without a file: ${missing.join(", ") || "none"}`);
