/**
 * The real server is killed (SIGKILL) at random moments under load and started again: every acknowledged sample is
 * there with its exact value, and nothing that was never sent.
 *
 * VARVE_KILL_ROUNDS=20 kills twenty times under the whole of W1; SEED=n repeats a run.
 */
import * as assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { loadRecording } from "../../dist-bench/recording.js";
import { type RequestSource, requestsInMemory } from "../../dist-bench/request-cache.js";
import { type SendResult, sendRequests } from "../../dist-bench/sender.js";
import {
  hostLabels,
  instanceOf,
  sampleTimeMs,
  sampleValueOffset,
  spanMs,
  type Workload,
  workloadOf,
} from "../../dist-bench/workloads.js";
import { numberOf } from "../support/expected.js";
import { rawSeries, type SeriesKey, seriesKey } from "../support/prometheus-api.js";
import { startServer, type TestServer } from "../support/server.js";

const { VARVE_KILL_ROUNDS = "3", SEED = String(Date.now() % 1_000_000) } = process.env;
const ROUNDS = Number(VARVE_KILL_ROUNDS);
const FULL = ROUNDS > 3;
const WORKLOAD: Workload = FULL
  ? workloadOf("W1", "full")
  : { ...workloadOf("W1", "small"), hosts: 40, rounds: 24 };

/** A linear congruence: chance that a seed repeats. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Which samples of a host were acknowledged: the requests of a connection are answered in order. */
function acknowledgedRounds(
  source: RequestSource,
  sent: SendResult,
  host: number,
): (series: number) => number {
  const connection = host % WORKLOAD.connections;
  const perHost = loadRecording().series.length;
  const hosts = Math.ceil((WORKLOAD.hosts - connection) / WORKLOAD.connections);
  const perRound = Math.ceil((hosts * perHost) / WORKLOAD.seriesPerRequestMax);
  assert.equal(source.connections[connection]!.lengths.length, perRound * WORKLOAD.rounds);
  const acknowledged = sent.acknowledged[connection]!;
  const place = Math.floor(host / WORKLOAD.connections);
  return (series) => {
    const part = Math.floor((place * perHost + series) / WORKLOAD.seriesPerRequestMax);
    return Math.max(0, Math.ceil((acknowledged - part) / perRound));
  };
}

/** Compares all samples of one burst, host by host. Returns how many acknowledged ones it has seen. */
async function verifyBurst(server: TestServer, burst: Burst): Promise<number> {
  const { source, sent, baseMs } = burst;
  const recording = loadRecording();
  const values = new DataView(recording.values.buffer, recording.values.byteOffset);
  let seen = 0;
  for (let host = 0; host < WORKLOAD.hosts; host++) {
    const endMs = baseMs + spanMs(WORKLOAD) - 1;
    const found = await rawSeries(server.url, `{instance="${instanceOf(host)}"}`, endMs, spanMs(WORKLOAD));
    const roundsOf = acknowledgedRounds(source, sent, host);
    const known = new Set<SeriesKey>();
    for (let series = 0; series < recording.series.length; series++) {
      const key = seriesKey(Object.fromEntries(hostLabels(recording, series, host).labels));
      const samples = new Map(found.get(key)?.samples);
      known.add(key);
      for (let round = 0; round < WORKLOAD.rounds; round++) {
        const timeMs = sampleTimeMs(WORKLOAD, baseMs, host, round);
        const answer = samples.get(timeMs);
        const acknowledged = round < roundsOf(series);
        if (answer === undefined) {
          assert.ok(!acknowledged, `acknowledged and lost: ${key} at ${timeMs}`);
          continue;
        }
        const sentValue = values.getFloat64(sampleValueOffset(recording, series, host, round), true);
        // The sender leaves a zero out, so that the sign of one is not sent.
        assert.ok(
          Object.is(numberOf(answer), sentValue === 0 ? 0 : sentValue),
          `${key} at ${timeMs}: ${answer}`,
        );
        if (acknowledged) seen++;
        samples.delete(timeMs);
      }
      assert.deepEqual([...samples], [], `${key}: nobody sent these`);
    }
    for (const key of found.keys()) assert.ok(known.has(key), `nobody sent ${key}`);
  }
  return seen;
}

interface Burst {
  readonly baseMs: number;
  readonly source: RequestSource;
  readonly sent: SendResult;
}

/** Sends until a random answer, kills the server right behind it, and starts it again. */
async function killedBurst(server: TestServer, baseMs: number, random: () => number): Promise<Burst> {
  const source = requestsInMemory(WORKLOAD, baseMs);
  const killAt = Math.floor(random() * source.requestCount);
  const killDelayMs = Math.floor(random() * 4);
  let begun = 0;
  let killed: Promise<void> | null = null;
  const sent = await sendRequests(source, {
    port: server.port,
    path: "/api/v1/write",
    protocol: 1,
    stop: () => {
      if (begun++ >= killAt) killed ??= sleep(killDelayMs).then(() => server.kill());
      return false;
    },
  });
  await killed;
  await server.kill();
  assert.equal(sent.refusals, 0, sent.firstRefusal);
  await server.start();
  return { baseMs, source, sent };
}

test(`killed ${ROUNDS} times under load, every acknowledged sample is there (seed ${SEED})`, async (t) => {
  const random = randomOf(Number(SEED));
  const server = await startServer(t, { readyTimeoutMs: FULL ? 120_000 : 20_000 });
  const beginMs = Date.now() - (ROUNDS + 1) * spanMs(WORKLOAD);
  const bursts: Burst[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const burst = await killedBurst(server, beginMs + round * spanMs(WORKLOAD), random);
    const seen = await verifyBurst(server, burst);
    assert.equal(seen, burst.sent.samplesAcknowledged);
    t.diagnostic(
      `killed after ${seen} acknowledged samples, ready again in ${Math.round(server.readyAfterMs)} ms`,
    );
    if (!FULL || round === 0) bursts.push(burst);
  }
  // What was cut off is sent again, as a sender does; then all of it is there, the earlier bursts too.
  const last = bursts.at(-1)!;
  const again = await sendRequests(last.source, { port: server.port, path: "/api/v1/write", protocol: 1 });
  assert.equal(again.refusals, 0, again.firstRefusal);
  bursts[bursts.length - 1] = { ...last, sent: again };
  await server.restart();
  for (const burst of bursts) assert.equal(await verifyBurst(server, burst), burst.sent.samplesAcknowledged);
});
