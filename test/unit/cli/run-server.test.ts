import * as assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { hashSync } from "bcryptjs";
import { basic, TRANSPORTS } from "../../support/front-end.js";

const PROGRAM = fileURLToPath(new URL("../../support/fake-server.js", import.meta.url));

interface Run {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  stdout: string;
  stderr: string;
}

function run(t: TestContext, args: readonly string[], env: Record<string, string> = {}): Run {
  const child = spawn(process.execPath, [PROGRAM, ...args], { env: { ...process.env, ...env } });
  const exited = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  const state: Run = { child, exited, stdout: "", stderr: "" };
  child.stdout.on("data", (bytes) => (state.stdout += bytes));
  child.stderr.on("data", (bytes) => (state.stderr += bytes));
  t.after(() => void child.kill("SIGKILL"));
  return state;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  assert.ok(typeof address === "object" && address !== null);
  return address.port;
}

async function statusOf(url: string): Promise<number> {
  for (let i = 0; i < 200; i++) {
    try {
      return (await fetch(url)).status;
    } catch {
      await sleep(25);
    }
  }
  throw new Error(`${url} does not answer`);
}

test("a wrong command line is one line on stderr and exit status 2", async (t) => {
  for (const args of [["--nonsense=1"], ["--query.timeout=soon"], ["nonsense"]]) {
    const wrong = run(t, args);
    assert.equal(await wrong.exited, 2);
    assert.match(wrong.stderr, /^varve: .+\n$/);
    assert.equal(wrong.stdout, "");
  }
});

test("--help and --version go to stdout", async (t) => {
  const help = run(t, ["--help"]);
  assert.equal(await help.exited, 0);
  assert.match(help.stdout, /^usage: varve/);
  const version = run(t, ["--version"]);
  assert.equal(await version.exited, 0);
  assert.match(version.stdout, /^varve \d+\.\d+\.\d+ \(node v/);
});

test("a bug is logged with its place and ends the program with 70", async (t) => {
  const args = ["--web.listen-address=127.0.0.1:0", "--log.format=json"];
  const server = run(t, args, { FAKE_BUG_MS: "50" });
  assert.equal(await server.exited, 70);
  const last = JSON.parse(server.stderr.trimEnd().split("\n").at(-1) ?? "") as Record<string, string>;
  assert.equal(last["level"], "error");
  assert.match(last["err"], /a planted bug[\s\S]*fake-server/);
});

async function logLine(server: Run, pattern: RegExp): Promise<string> {
  for (let i = 0; i < 400; i++) {
    const found = server.stderr.split("\n").find((line) => pattern.test(line));
    if (found !== undefined) return found;
    await sleep(25);
  }
  throw new Error(`${pattern} is not in:\n${server.stderr}`);
}

/** Text of a web configuration with one user. */
const webConfig = (user: string, password: string) =>
  `basic_auth_users: {${user}: ${hashSync(password, 4)}}\nvarve_access: {anonymous: [open]}\n`;

test("an address that others reach is warned about, unless they are asked who they are", async (t) => {
  const open = run(t, ["--web.listen-address=0.0.0.0:0"]);
  await logLine(open, /level=warn msg="anyone who reaches this address can read and write/);
  const folder = mkdtempSync(join(tmpdir(), "varve-web-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "web.yml");
  writeFileSync(file, webConfig("alice", "s3cret"));
  for (const args of [
    ["--web.listen-address=0.0.0.0:0", `--web.config.file=${file}`],
    ["--web.listen-address=127.0.0.1:0"],
  ]) {
    const quiet = run(t, args);
    await logLine(quiet, /msg=ready/);
    assert.doesNotMatch(quiet.stderr, /level=warn/);
  }
});

for (const transport of TRANSPORTS) {
  const flags = async () => {
    const port = await freePort();
    const args = [`--web.listen-address=127.0.0.1:${port}`, `--web.transport=${transport}`];
    return { url: `http://127.0.0.1:${port}`, args };
  };

  test(`${transport}: listens while the database opens, then serves, then drains on SIGTERM`, async (t) => {
    const { url, args } = await flags();
    const server = run(t, args, { FAKE_OPEN_MS: "700", FAKE_INGEST_MS: "500" });
    assert.equal(await statusOf(`${url}/-/ready`), 503);
    assert.match(await (await fetch(`${url}/-/ready`)).text(), /1 of 2 segments/);
    await sleep(900);
    assert.equal(await statusOf(`${url}/-/ready`), 200);
    server.child.kill("SIGHUP");
    const pending = fetch(`${url}/api/v1/write`, { method: "POST", body: Uint8Array.of(1) });
    await sleep(100);
    server.child.kill("SIGTERM");
    assert.equal((await pending).status, 204);
    assert.equal(await server.exited, 0);
    assert.match(server.stderr, /msg=stopped/);
  });

  test(`${transport}: another web configuration holds within seconds, a broken one does not, secrets stay secret`, async (t) => {
    const { url, args } = await flags();
    const folder = mkdtempSync(join(tmpdir(), "varve-web-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "web.yml");
    writeFileSync(file, webConfig("alice", "s3cret"));
    const server = run(t, [...args, `--web.config.file=${file}`, "--log.level=debug"]);
    await statusOf(`${url}/-/ready`);
    const ask = async (user: string, password: string) =>
      (await fetch(`${url}/metrics`, { headers: basic(user, password) })).status;
    assert.deepEqual([await ask("alice", "s3cret"), await ask("alice", "wr0ng")], [200, 401]);
    writeFileSync(file, webConfig("carol", "n3w-s3cret"));
    await logLine(server, /configuration files are read again.*why="a file has changed"/);
    assert.deepEqual([await ask("alice", "s3cret"), await ask("carol", "n3w-s3cret")], [401, 200]);
    writeFileSync(file, "basic_auth_users: {alice: hunter2}\n");
    await logLine(server, /level=error msg="configuration files cannot be used.*password of/);
    assert.equal(await ask("carol", "n3w-s3cret"), 200);
    writeFileSync(file, webConfig("alice", "s3cret"));
    server.child.kill("SIGHUP");
    await logLine(server, /configuration files are read again.*why=SIGHUP/);
    assert.equal(await ask("alice", "s3cret"), 200);
    await logLine(server, /level=debug msg="request not let through".* status=401 /);
    server.child.kill("SIGTERM");
    assert.equal(await server.exited, 0);
    assert.doesNotMatch(server.stderr, /s3cret|wr0ng|hunter2|\$2[aby]\$|Basic /);
  });

  test(`${transport}: /-/quit ends the program with 0, and only by the flag`, async (t) => {
    const { url, args } = await flags();
    const server = run(t, [...args, "--web.enable-lifecycle"]);
    await statusOf(`${url}/-/ready`);
    const answer = await fetch(`${url}/-/quit`, { method: "POST" });
    assert.deepEqual([answer.status, await answer.text()], [200, "Requesting termination... Goodbye!"]);
    assert.equal(await server.exited, 0);
    assert.match(server.stderr, /msg=stopping signal=\/-\/quit/);
  });

  test(`${transport}: SIGINT while the database opens ends the program with 0`, async (t) => {
    const { url, args } = await flags();
    const server = run(t, args, { FAKE_OPEN_MS: "60000" });
    await statusOf(`${url}/-/healthy`);
    server.child.kill("SIGINT");
    assert.equal(await Promise.race([server.exited, sleep(5000)]), 0);
  });

  test(`${transport}: the second signal exits at once`, async (t) => {
    const { url, args } = await flags();
    const server = run(t, args, { FAKE_INGEST_MS: "30000" });
    await statusOf(`${url}/-/healthy`);
    const pending = fetch(`${url}/api/v1/write`, { method: "POST", body: Uint8Array.of(1) }).catch(
      () => null,
    );
    await sleep(200);
    server.child.kill("SIGTERM");
    await sleep(300);
    assert.equal(server.child.exitCode, null);
    server.child.kill("SIGTERM");
    assert.equal(await server.exited, 1);
    await pending;
  });

  test(`${transport}: a taken port and a database that does not open are exit status 1`, async (t) => {
    const { url, args } = await flags();
    const first = run(t, args);
    await statusOf(`${url}/-/healthy`);
    const second = run(t, args);
    assert.equal(await second.exited, 1);
    assert.match(second.stderr, /level=error msg="cannot listen on 127\.0\.0\.1:\d+/);
    first.child.kill("SIGTERM");
    assert.equal(await first.exited, 0);
    const broken = run(t, args, { FAKE_OPEN_ERROR: "another process has the lock" });
    assert.equal(await broken.exited, 1);
    assert.match(broken.stderr, /another process has the lock/);
  });
}
