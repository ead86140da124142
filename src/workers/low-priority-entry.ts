/** Loaded on a thread before anything else: already its modules are to load at the lower priority, which its URL says. */
import { setPriority } from "node:os";

// On Linux a thread has a priority of its own; elsewhere this would be the whole process'.
if (process.platform === "linux") setPriority(Number(new URL(import.meta.url).searchParams.get("nice")));
