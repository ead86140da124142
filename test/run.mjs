// Runs the compiled tests of the named folders with node:test: `node test/run.mjs unit api`.
import { spawnSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const wanted = process.argv.slice(2);
const compiled = `${root}dist-test`;

function testFiles(folder) {
  return readdirSync(folder).flatMap((name) => {
    const path = `${folder}/${name}`;
    if (statSync(path).isDirectory()) return testFiles(path);
    return name.endsWith(".test.js") ? [path] : [];
  });
}

const files = testFiles(compiled)
  .filter((path) => {
    const inside = path.slice(compiled.length + 1);
    return wanted.length === 0 || wanted.some((w) => inside.startsWith(`${w}/`) || inside === `${w}.test.js`);
  })
  .sort();
if (files.length === 0) {
  process.stderr.write(`no compiled test under ${wanted.join(", ")}\n`);
  process.exit(1);
}
const { status } = spawnSync(process.execPath, ["--enable-source-maps", "--test", ...files], {
  stdio: "inherit",
  cwd: root,
});
process.exit(status ?? 1);
