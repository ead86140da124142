import type { Clock } from "../base/clock.js";
import type { MetricRegistry } from "../base/self-metrics.js";

/** The `process_…` metrics that every Prometheus client library exposes, and a few of Node's. */
export function registerProcessMetrics(registry: MetricRegistry, clock: Clock, version: string): void {
  const startSeconds = clock.nowMs() / 1000 - process.uptime();
  registry.counterFrom(
    "process_cpu_seconds_total",
    "User and system CPU time in seconds, all threads.",
    () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    },
  );
  registry.gauge("process_resident_memory_bytes", "Resident memory in bytes.", () =>
    process.memoryUsage.rss(),
  );
  registry.gauge("process_start_time_seconds", "Start time since the epoch in seconds.", () => startSeconds);
  registry.gauge("nodejs_heap_size_used_bytes", "JavaScript heap of the main thread in use.", () => {
    return process.memoryUsage().heapUsed;
  });
  registry.gauge("nodejs_external_memory_bytes", "Memory of buffers and native objects.", () => {
    return process.memoryUsage().external;
  });
  registry.gauge(
    "varve_build_info",
    "A constant 1; the versions are labels.",
    () => 1,
    `version="${version}",node="${process.version}"`,
  );
}
