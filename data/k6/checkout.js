// A shop's checkout under constant load. TARGET: the address to load; DURATION: how long.
import http from "k6/http";
import { check, group } from "k6";
import { Counter, Gauge, Trend } from "k6/metrics";

export const options = {
  scenarios: {
    constant_request_rate: {
      executor: "constant-arrival-rate",
      preAllocatedVUs: 20,
      maxVUs: 50,
      rate: 40,
      timeUnit: "1s",
      duration: __ENV.DURATION || "30s",
    },
  },
};

const target = __ENV.TARGET || "http://127.0.0.1:18080";
const responseTimes = new Trend("http_response_time", true);
const pendingRequests = new Gauge("http_pending_requests");
const failedRequests = new Counter("http_failed_requests");

export default function () {
  group("checkout", () => {
    const response = http.get(`${target}/get?item=${__ITER % 5}`, { tags: { name: "get-item" } });
    responseTimes.add(response.timings.duration);
    pendingRequests.add(__VU);
    check(response, { "status is 200": (r) => r.status === 200 });
    if (response.status >= 400) failedRequests.add(1);
  });
  const response = http.post(`${target}/post`, "{}", { tags: { name: "order" } });
  check(response, { "order accepted": (r) => r.status === 200 });
}
