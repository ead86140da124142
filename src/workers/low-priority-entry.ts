/** Loaded on a thread before anything else: already its modules are to load at the lower priority. */
import { constants, setPriority } from "node:os";

// On Linux a thread has a priority of its own; elsewhere this would be the whole process'.
if (process.platform === "linux") setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
