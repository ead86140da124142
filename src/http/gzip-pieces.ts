import { constants, createGzip } from "node:zlib";

/** The pieces of `pull` as one gzip stream; each is handed on when it is compressed. */
export function gzipPieces(pull: () => Promise<Uint8Array | null>): () => Promise<Uint8Array | null> {
  const gzip = createGzip({ level: 3 });
  let made: Uint8Array[] = [];
  gzip.on("data", (bytes: Uint8Array) => made.push(bytes));
  const take = (): Uint8Array => {
    const bytes = Buffer.concat(made);
    made = [];
    return bytes;
  };
  let ended = false;
  const step = async (): Promise<void> => {
    const piece = await pull();
    await new Promise<void>((resolve, reject) => {
      gzip.once("error", reject);
      const done = (): void => {
        gzip.off("error", reject);
        resolve();
      };
      if (piece === null) {
        ended = true;
        gzip.once("end", done);
        gzip.end();
      } else {
        gzip.write(piece);
        gzip.flush(constants.Z_SYNC_FLUSH, done);
      }
    });
  };
  return async () => {
    // What is little stays inside the compressor.
    while (!ended) {
      await step();
      const bytes = take();
      if (bytes.length > 0) return bytes;
    }
    return null;
  };
}
