import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { COMMANDS } from "../../../dist/cli/command-table.js";
import { startServer } from "../../support/server.js";
import { varve } from "../../support/varve-command.js";
import { postV1 } from "../../support/write-client.js";

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "varve-cli-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test("every command has a help that names its flags, and refuses what it does not know", () => {
  for (const { name, options, operandsMin } of COMMANDS) {
    const help = varve(name, "--help");
    assert.equal(help.status, 0);
    for (const option of options)
      assert(help.stdout.includes(`--${option.name}=`), `${name} --${option.name}`);
    assert.equal(varve(name, "--nonsense=1").status, 2);
    if (operandsMin > 0) assert.equal(varve(name).status, 2);
  }
  assert(varve("--help").stdout.includes("varve COMMAND"));
  const unknown = varve("nonsense");
  assert.deepEqual([unknown.status, unknown.stdout], [2, ""]);
  assert.match(unknown.stderr, /unexpected argument "nonsense"/);
});

test("what is not there is said in one line", (t) => {
  const folder = temporaryFolder(t);
  for (const args of [
    ["verify", `${folder}/none`],
    ["inspect", `${folder}/none`],
    ["analyze", folder],
    ["import", `${folder}/none`],
    ["import", "-"],
    ["export", `--storage.tsdb.path=${folder}/none`],
    ["export", `--storage.tsdb.path=${folder}`, "--match={"],
    ["export", `--storage.tsdb.path=${folder}`, "--start=soon"],
  ]) {
    const { status, stderr } = varve(...args);
    assert.equal(status, 2, `${args.join(" ")}: ${stderr}`);
    assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
  }
});

test("text in, text out, bad lines named", (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, "in.prom.gz");
  writeFileSync(file, gzipSync('up{job="a"} 1 1000\nup{job="b" 2 2000\nup 3\nup{job="a"} 4 500\n'));
  const data = join(folder, "data");
  const imported = varve("import", `--storage.tsdb.path=${data}`, file);
  assert.equal(imported.status, 1);
  assert.match(imported.stderr, /in\.prom\.gz:2: /);
  assert.match(imported.stderr, /in\.prom\.gz:3: the sample has no timestamp/);
  assert.match(imported.stderr, /imported 2 samples into 1 blocks/);
  const exported = varve("export", `--storage.tsdb.path=${data}`, "--format=prometheus", "--match=up");
  assert.equal(exported.stdout, 'up{job="a"} 4 500\nup{job="a"} 1 1000\n');
  const csv = varve(
    "export",
    `--storage.tsdb.path=${data}`,
    "--format=csv",
    "--start=0.9",
    "--columns=job,__timestamp__:rfc3339,__value__",
  );
  assert.equal(csv.stdout, "job,__timestamp__:rfc3339,__value__\na,1970-01-01T00:00:01.000Z,1\n");
  assert.deepEqual(
    readdirSync(data).filter((name) => name.length !== 26),
    [],
    "neither lock nor working folder is left",
  );
});

test("a folder that a server uses: read beside it, imported into through it, not behind its back", async (t) => {
  const server = await startServer(t);
  const now = Date.now();
  const labels: [string, string][] = [
    ["__name__", "up"],
    ["job", "a"],
  ];
  assert.equal((await postV1(server.url, [{ labels, samples: [{ timestamp: now, value: 7 }] }])).status, 204);
  const data = `--storage.tsdb.path=${server.dataDirectory}`;
  const line = `up{job="a"} 7 ${now}\n`;
  assert.equal(varve("export", data, "--format=prometheus").stdout, line);
  assert.equal(varve("export", `--from=${server.url}`, "--match=up", "--format=prometheus").stdout, line);
  assert.equal(varve("verify", server.dataDirectory).status, 0);

  const folder = temporaryFolder(t);
  const file = join(folder, "in.jsonl");
  const row = { metric: { __name__: "more" }, values: [1, 2], timestamps: [now, 1000] };
  writeFileSync(file, `${JSON.stringify(row)}\n`);
  const behind = varve("import", data, file);
  assert.equal(behind.status, 1);
  assert.match(behind.stderr, /lock/i);
  const through = varve("import", `--to=${server.url}`, file);
  assert.equal(through.status, 1, "the sample of 1970 is refused");
  assert.match(through.stderr, /stored 1 of 2 samples[\s\S]*varve import/);
  assert.equal(
    varve("export", `--from=${server.url}`, "--match=more", "--format=prometheus").stdout,
    `more 1 ${now}\n`,
  );
  assert.equal(varve("import", "--to=http://127.0.0.1:1", file).status, 1);

  await server.stop();
  const log = join(server.dataDirectory, "varve-wal");
  const [segment = ""] = readdirSync(log).filter((name) => /^\d{8}$/.test(name));
  const path = join(log, segment);
  const shown = varve("inspect", path);
  assert.equal(shown.status, 0, shown.stderr);
  assert.match(shown.stdout, /segment 1, created[\s\S]*series[\s\S]*samples, 1 entries/);
  assert.match(varve("inspect", log).stdout, /samples: \d+ records/);
  const at = /at (\d+): samples/.exec(shown.stdout)?.[1] ?? "";
  assert.match(varve("inspect", `--offset=${at}`, path).stdout, /series 0: .* 7\n/);

  const bytes = readFileSync(path);
  bytes[Number(at) + 20] = (bytes[Number(at) + 20] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  const damaged = varve("verify", server.dataDirectory);
  assert.equal(damaged.status, 1, damaged.stdout);
  assert.match(damaged.stdout, /log: .*00000001, bytes \d+ to \d+: [\s\S]*affected: about 20/);
});

test("an import that was cut off is continued, whatever its input", async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, "in.prom");
  const lines: string[] = [];
  for (let i = 0; i < 60_000; i++) lines.push(`m{i="${i % 3000}"} ${i} ${1_600_000_000_000 + i * 1000}`);
  writeFileSync(file, `${lines.join("\n")}\n`);
  const whole = join(folder, "whole");
  assert.equal(varve("import", `--storage.tsdb.path=${whole}`, file).status, 0);
  const expected = varve("export", `--storage.tsdb.path=${whole}`).stdout;
  assert.equal(expected.trimEnd().split("\n").length, 3000);
  // A state as an import leaves it that was killed while it was reading.
  const cut = join(folder, "cut");
  mkdirSync(cut);
  const { killImport } = await import("../../support/kill-import.js");
  const states = await killImport(["import", `--storage.tsdb.path=${cut}`, "--memory=1MiB", file], cut);
  t.diagnostic(`killed ${states} times`);
  assert(states > 0);
  const { status, stderr } = varve("import", `--storage.tsdb.path=${cut}`, "--memory=1MiB", file);
  assert.equal(status, 0, stderr);
  assert.equal(varve("export", `--storage.tsdb.path=${cut}`).stdout, expected);
  assert.equal(varve("verify", cut).status, 0);
});
