// Bundle the web map's libraries and fonts into sightgrid/api/web/vendor, the same bytes every time.
//
//   npm ci                    the locked packages, verified against the hashes of the lock
//   node build.mjs            write the folder
//   node build.mjs --check    build into a temporary folder and compare: exit 1 on any difference

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));
const VENDOR = join(HERE, "../../sightgrid/api/web/vendor");
const KEPT = "README.md"; // written by hand
const FONT = "@fontsource/noto-sans-sc";
const WORKER = "maplibre-gl-worker.mjs"; // MapLibre looks for this name beside its own module by default
const PARTS = ["maplibre-gl", "terra-draw", "terra-draw-maplibre-gl-adapter"];

const within = (...parts) => join(HERE, "node_modules", ...parts);
const read = (path) => readFileSync(path, "utf8");
const list = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
    .sort();

/** The lock's packages as [{name, version, license}], after a check that what is installed is what is locked. */
function readLock() {
  const { packages } = JSON.parse(read(join(HERE, "package-lock.json")));
  const found = [];
  for (const [path, { version, license, optional }] of Object.entries(packages)) {
    if (!path) continue;
    const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
    const file = join(HERE, path, "package.json");
    if (!(optional && !existsSync(file))) { // esbuild comes for one platform only
      const installed = JSON.parse(read(file)).version;
      if (installed !== version) throw new Error(`${name}: ${installed} is installed, ${version} is locked: run npm ci`);
    }
    found.push({ name, version, license });
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Names of the packages whose code is in what we ship: the parts, the font, and what MapLibre's source maps name. */
function findShipped(locked) {
  const shipped = new Set([...PARTS, FONT]);
  for (const part of ["maplibre-gl/dist/maplibre-gl.mjs", `maplibre-gl/dist/${WORKER}`, "terra-draw/dist/terra-draw.modern.js"]) {
    for (const source of JSON.parse(read(within(`${part}.map`))).sources) {
      const [, name] = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(source) ?? [];
      if (name) shipped.add(name);
    }
  }
  const unknown = [...shipped].filter((name) => !locked.some((each) => each.name === name));
  if (unknown.length) throw new Error(`shipped but not in the lock, so without a licence: ${unknown}`);
  return shipped;
}

/** All licences: one line for each package of the lock, then the texts of those that are shipped. */
function writeLicences(locked, shipped) {
  const lines = locked.map(({ name, version, license }) => {
    return `${name} ${version} | ${license} | ${shipped.has(name) ? "shipped" : "needed to build only"}`;
  });
  const texts = locked.filter(({ name }) => shipped.has(name)).map(({ name, version, license }) => {
    const own = readdirSync(within(name)).find((file) => /^licen[sc]e/i.test(file));
    const text = read(own ? within(name, own) : join(HERE, "notices", `${name}.txt`));
    return `${"=".repeat(79)}\n${name} ${version} (${license})\n${"=".repeat(79)}\n\n${text.replaceAll("\r\n", "\n").trim()}\n`;
  });
  return [
    "Software and fonts of others in this folder.\n\n" +
      "maplibre-gl comes as its authors bundled it: the packages inside it are listed with the version that satisfies\n" +
      "its requirements in our lock.\n\n" + `${lines.join("\n")}\n`,
    ...texts,
  ].join("\n");
}

/** The style sheet of the font's parts, woff2 only, and the files it names. */
function takeFonts() {
  const sheet = read(within(FONT, "400.css"));
  const files = new Map();
  const text = sheet.replace(/src: url\(\.\/files\/([\w-]+\.woff2)\) format\('woff2'\)[^;]*;/g, (_, file) => {
    files.set(`fonts/${file}`, readFileSync(within(FONT, "files", file)));
    return `src: url(./fonts/${file}) format('woff2');`;
  });
  const faces = sheet.split("@font-face").length - 1;
  if (faces !== files.size || text.includes("/files/")) throw new Error(`${FONT}: ${faces} faces, ${files.size} files`);
  return files.set("fonts.css", `/* ${FONT}, SIL Open Font License 1.1: see LICENSES.txt */\n${text}`);
}

// terra-draw names a picture on a foreign server as the default of its markers: nothing may ever ask for it.
const stayHome = {
  name: "stay-home",
  setup({ onLoad }) {
    onLoad({ filter: /terra-draw\.modern\.js$/ }, ({ path }) => {
      const text = read(path);
      const found = text.match(/"https?:\/\/[^"]+"/g) ?? [];
      if (found.length !== 1) throw new Error(`terra-draw: ${found.length} addresses where one was known`);
      return { contents: text.replace(found[0], '"about:blank"'), loader: "js" };
    });
  },
};

/** Bundle one module or style sheet and return its text. */
async function bundle(entry, banner) {
  const kind = entry.endsWith(".css") ? "css" : "js";
  const { outputFiles } = await build({
    absWorkingDir: HERE,
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: "esm",
    target: "esnext", // as the libraries' authors made it
    legalComments: "eof",
    banner: { [kind]: `/*! ${banner}; licences: LICENSES.txt */` },
    loader: { ".svg": "dataurl" },
    plugins: [stayHome],
    write: false,
    outdir: "out",
    logLevel: "warning",
  });
  if (outputFiles.length !== 1) throw new Error(`${entry}: ${outputFiles.length} files where one was expected`);
  return outputFiles[0].text;
}

/** Everything that is generated: file -> content. */
async function make() {
  const locked = readLock();
  const shipped = findShipped(locked);
  const versions = Object.fromEntries(locked.map(({ name, version }) => [name, version]));
  const name = (part) => `${part} ${versions[part]}`;
  const files = takeFonts();
  files.set("vendor.mjs", await bundle("entry.mjs", PARTS.map(name).join(", ")));
  files.set(WORKER, await bundle(`node_modules/maplibre-gl/dist/${WORKER}`, name("maplibre-gl")));
  files.set("vendor.css", await bundle("node_modules/maplibre-gl/dist/maplibre-gl.css", name("maplibre-gl")));
  files.set("LICENSES.txt", writeLicences(locked, shipped));
  const hashes = [...files].sort(([a], [b]) => (a < b ? -1 : 1)).map(([file, content]) => {
    const data = Buffer.from(content);
    return [file, { bytes: data.length, sha256: createHash("sha256").update(data).digest("hex") }];
  });
  const manifest = {
    packages: Object.fromEntries([...shipped].sort().map((each) => [each, versions[each]])),
    built_with: { esbuild: versions.esbuild },
    files: Object.fromEntries(hashes),
  };
  return files.set("manifest.json", `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Write the files into a folder, in place of all that was generated before. */
function write(files, folder) {
  if (existsSync(folder)) for (const old of list(folder)) if (old !== KEPT) rmSync(join(folder, old));
  for (const [file, content] of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), content);
  }
}

/** Names of files that are missing, left over or different in the committed folder. */
function compare(built, committed) {
  const same = (file) => readFileSync(join(built, file)).equals(readFileSync(join(committed, file)));
  const [now, then] = [list(built), list(committed).filter((file) => file !== KEPT)];
  return [
    ...now.filter((file) => !then.includes(file)).map((file) => `missing: ${file}`),
    ...then.filter((file) => !now.includes(file)).map((file) => `left over: ${file}`),
    ...now.filter((file) => then.includes(file) && !same(file)).map((file) => `differs: ${file}`),
  ];
}

const files = await make();
if (process.argv.includes("--check")) {
  const folder = mkdtempSync(join(tmpdir(), "vendor-"));
  try {
    write(files, folder);
    const faults = compare(folder, VENDOR);
    console.log(faults.length ? faults.join("\n") : `${files.size} files, identical`);
    process.exitCode = faults.length ? 1 : 0;
  } finally {
    rmSync(folder, { recursive: true });
  }
} else {
  write(files, VENDOR);
  const total = [...files.values()].reduce((sum, content) => sum + Buffer.byteLength(content), 0);
  console.log(`${files.size} files, ${total} bytes`);
}
