// The table of rooms of docs/ARCHITECTURE.md. Imports only go down: a room may import rooms of a lower layer,
// and `base` and its own files always. Rooms of the same layer do not see each other.
const layers = [
  ["base"],
  ["model", "storage", "encoding", "kernel", "io"],
  ["wal", "index", "chunk"],
  ["head", "block", "compact", "wire"],
  ["promql", "db"],
  ["workers", "runs"],
  ["http", "client", "ui"],
  ["cli", "main", "index-api"],
];
// Arrows inside layer 1: the words everybody speaks (`model`) may be used by the contracts; nothing else.
const sameLayer = { storage: ["model"], kernel: ["encoding"], compact: ["block"], main: ["cli"] };
// `promql` meets storage only through the contracts.
const only = { promql: ["base", "model", "storage", "encoding"] };
// `http` speaks to `workers` and writes with `wire`: the event loop cannot run a query by accident.
const never = { http: ["head", "block", "wal", "promql", "db", "compact", "kernel", "index", "chunk"] };

const allowed = [];
layers.forEach((rooms, layer) => {
  const below = layers.slice(0, layer).flat();
  for (const room of rooms) {
    const from =
      room === "main" ? "^src/main\\.ts$" : room === "index-api" ? "^src/index\\.ts$" : `^src/${room}/`;
    const to = (only[room] ?? below.concat(sameLayer[room] ?? [])).filter(
      (r) => !(never[room] ?? []).includes(r),
    );
    allowed.push({ from: { path: from }, to: { path: `^src/(${[room, ...to].join("|")})/` } });
  }
});

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: "no-circular", severity: "error", from: {}, to: { circular: true } },
    {
      name: "no-orphans",
      severity: "error",
      from: { orphan: true, pathNot: ["\\.d\\.ts$", "^src/kernel/assembly/", "\\.mjs$"] },
      to: {},
    },
    {
      name: "no-dev-dependency-in-src",
      severity: "error",
      from: { path: "^src/", pathNot: "\\.mjs$" },
      to: { dependencyTypes: ["npm-dev"], pathNot: "@types/node" },
    },
    {
      name: "one-door-to-uws",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/http/uws-transport\\.ts$" },
      to: { path: "uWebSockets" },
    },
    {
      name: "one-door-to-the-disk",
      severity: "error",
      from: {
        path: "^src/",
        pathNot: "^src/(io|cli)/|^src/main\\.ts$|^src/kernel/load|^src/wire/proto|\\.mjs$",
      },
      to: { path: "^(node:)?fs(/promises)?$", dependencyTypes: ["core"] },
    },
    {
      name: "nobody-imports-a-thread-entry",
      severity: "error",
      from: {},
      to: { path: "^src/workers/.*-entry\\.ts$" },
    },
  ],
  allowed: [...allowed, { from: {}, to: { pathNot: "^src/" } }],
  allowedSeverity: "error",
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^src/kernel/assembly/" },
  },
};
