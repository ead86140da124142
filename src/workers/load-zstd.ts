import { ZSTDDecoder } from "zstddec";
import { useZstdDecoder, zstdIsLoaded } from "../encoding/zstd.js";

/** Makes `zstdUncompressOrNull` work on this thread. */
export async function loadZstd(): Promise<void> {
  if (zstdIsLoaded()) return;
  const zstd = new ZSTDDecoder();
  await zstd.init();
  useZstdDecoder((frame, bytesMax) => zstd.decode(frame, bytesMax));
}
