/** Stands between a sender and a server: passes every request on as it came and keeps what was sent and answered. */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { type Cleanup, freePort } from "./server.js";

interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  readonly status: number;
  readonly answer: string;
}

export interface RecordingProxy {
  readonly url: string;
  /** In the order of their answers. */
  readonly requests: readonly RecordedRequest[];
}

export async function startRecordingProxy(t: Cleanup, target: string): Promise<RecordingProxy> {
  const requests: RecordedRequest[] = [];
  const server = createServer((incoming, outgoing) => {
    passOn(incoming, outgoing, target, requests).catch((error: Error) => {
      outgoing.writeHead(502).end(error.message);
    });
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  t.after(async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return { url: `http://127.0.0.1:${port}`, requests };
}

async function passOn(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  target: string,
  requests: RecordedRequest[],
): Promise<void> {
  const body = await readAll(incoming);
  const { method = "", url: path = "", headers } = incoming;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const onward = request(`${target}${path}`, { method, headers }, resolve);
    onward.once("error", reject);
    onward.end(body);
  });
  const answer = await readAll(response);
  const status = response.statusCode ?? 0;
  requests.push({ method, path, headers, body, status, answer: answer.toString() });
  outgoing.writeHead(status, response.headers);
  outgoing.end(answer);
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
