/** The server that a load test loads: answers in 0–20 ms and fails 3% of the requests, the same ones every time. */
import { createServer } from "node:http";
import { type Cleanup, freePort } from "./server.js";

export async function startLoadTarget(t: Cleanup): Promise<string> {
  let count = 0;
  const server = createServer((request, response) => {
    request.resume();
    const turn = count++;
    setTimeout(
      () =>
        response.writeHead(turn % 33 === 32 ? 500 : 200, { "Content-Type": "application/json" }).end("{}"),
      (turn * 7) % 21,
    );
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  t.after(async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return `http://127.0.0.1:${port}`;
}
