/** A program that is measured with the OpenTelemetry SDK, and sends what it measured with its exporters. */
import { ValueType } from "@opentelemetry/api";
import { OTLPMetricExporter as JsonExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPMetricExporter as ProtobufExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  AggregationTemporality,
  AggregationType,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";

export interface SdkOptions {
  /** Where the exporter posts to. */
  readonly url: string;
  readonly json: boolean;
  readonly gzip: boolean;
  readonly delta: boolean;
}

/** Measures every kind of instrument and exports twice. */
export async function runSdk({ url, json, gzip, delta }: SdkOptions): Promise<void> {
  const Exporter = json ? JsonExporter : ProtobufExporter;
  const exporter = new Exporter({
    url,
    compression: (gzip ? "gzip" : "none") as never,
    temporalityPreference: delta ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE,
  });
  const resource = resourceFromAttributes({
    "service.name": "checkout",
    "service.namespace": "shop",
    "service.instance.id": "host-1:8080",
    "deployment.environment": "test",
    "host.name": "host-1",
    "process.pid": 4711,
    "tags.list": ["a", "b<c"],
  });
  const provider = new MeterProvider({
    resource,
    readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 1e8 })],
    views: [
      {
        instrumentName: "queue.wait",
        aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM, options: { maxSize: 40 } },
      },
    ],
  });
  const meter = provider.getMeter("shop.checkout", "1.2.3", { schemaUrl: "https://example.invalid/schema" });
  const requests = meter.createCounter("http.server.requests", {
    unit: "{request}",
    description: "Requests.",
  });
  const bytes = meter.createCounter("sent.total", { unit: "By" });
  const open = meter.createUpDownCounter("db.connections", { valueType: ValueType.INT });
  const duration = meter.createHistogram("http.server.request.duration", {
    unit: "s",
    description: "Duration",
  });
  const wait = meter.createHistogram("queue.wait", { unit: "ms" });
  const speed = meter.createGauge("disk.io", { unit: "By/s" });
  meter.createObservableGauge("cpu.utilization", { unit: "1" }).addCallback((result) => result.observe(0.75));
  for (let round = 1; round <= 2; round++) {
    for (let i = 1; i <= 50; i++) {
      requests.add(i % 3, { "http.route": "/users/:id", "http.status_code": 200 + (i % 2) * 300 });
      bytes.add(i * 100.5, { "2xx": true, _hidden: "x" });
      open.add(i % 2 === 0 ? 2 : -1, { pool: "main" });
      duration.record(i * i * 0.004 * round, { method: "GET" });
      wait.record(2 ** (i % 14) * round - 1, { queue: "é" });
      speed.record(i * round, { disk: "sda", path: 'C:\\x "y"\n' });
    }
    await provider.forceFlush();
  }
  await provider.shutdown();
}
