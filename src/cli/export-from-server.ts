import { RefusalError } from "../base/errors.js";
import type { CommandCall } from "./command.js";
import type { ExportTarget } from "./export-target.js";
import type { Progress } from "./progress.js";
import { authorization, causeOf } from "./server-access.js";

/** Copies the answer of a running server's `/api/v1/export`. */
export async function exportFromServer(
  { options, err }: CommandCall,
  target: ExportTarget,
  progress: Progress,
): Promise<number> {
  const url = new URL(`${options.text("from").replace(/\/+$/, "")}/api/v1/export`);
  url.searchParams.set("format", options.text("format"));
  for (const match of options.texts("match")) url.searchParams.append("match[]", match);
  for (const name of ["start", "end", "columns"]) {
    if (options.text(name) !== "") url.searchParams.set(name, options.text(name));
  }
  const answer = await fetch(url, { headers: authorization() }).catch((error: unknown) => {
    throw new RefusalError("unavailable", `${url.origin} cannot be reached: ${causeOf(error)}`);
  });
  if (answer.status !== 200 || answer.body === null) {
    throw new RefusalError(
      "unavailable",
      `${url.origin} answers ${answer.status}: ${(await answer.text()).trim()}`,
    );
  }
  let bytes = 0;
  for await (const piece of answer.body as unknown as AsyncIterable<Uint8Array>) {
    await target.write(piece);
    if (target.closed) break;
    bytes += piece.length;
    await progress.show("exporting", 0, 0, `${(bytes / 2 ** 20).toFixed(1)} MiB`);
  }
  await progress.clear();
  await err.line(`exported ${(bytes / 2 ** 20).toFixed(1)} MiB in ${progress.seconds.toFixed(1)}s`);
  return 0;
}
