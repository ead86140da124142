import * as assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { TRANSPORTS } from "../../support/front-end.js";

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
  for (const args of [["--nonsense=1"], ["--query.timeout=soon"], ["serve"]]) {
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
