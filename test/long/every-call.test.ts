/**
 * The crash tests that pass over most places in `npm test`, for they need a database at each: here at every change of
 * the disk and at every call.
 */
process.env["VARVE_EVERY_CALL"] = "1";
await import("../crash/deletion.test.js");
await import("../crash/database.test.js");
