// The table of rooms of docs/ARCHITECTURE.md. Imports only go down: a room may import rooms of a lower layer,
// and its own files. Rooms of the same layer do not see each other.
const layers = [
  ["base"],
  ["model", "storage", "encoding", "kernel", "io"],
  ["wal", "index", "chunk"],
  ["head", "block", "wire"],
  ["compact"],
  ["promql", "db", "transfer"],
  ["workers"],
  ["http"],
  ["cli"],
  ["main.ts", "index.ts"],
];
// Arrows inside layer 1: the words everybody speaks (`model`) may be used by the contracts; nothing else.
const sameLayer = { storage: ["model"], kernel: ["encoding"] };
// `promql` meets the storage rooms only in the contracts.
const only = { promql: ["base", "model", "storage", "encoding"] };
// `compact` reads the head through `storage`. `http` speaks to `workers` and writes with `wire`: the event loop cannot run a query by accident.
const never = {
  compact: ["head", "wire"],
  http: ["head", "block", "wal", "promql", "db", "compact", "transfer", "kernel", "index", "chunk"],
};
// Every run-time package and the files that import it; docs/ARCHITECTURE.md has a paragraph on each.
const doors = {
  bcryptjs: ["workers/bcrypt-entry"],
  msgpackr: ["wal/cold-records"],
  pino: ["base/log"],
  piscina: ["workers/thread-pool"],
  re2js: ["model/regexp"],
  ulid: ["block/block-ulid"],
  yaml: ["base/yaml"],
  "uWebSockets.js": ["http/uws-transport"],
  zstddec: ["workers/load-zstd"],
};

const pathOf = (room) => (room.endsWith(".ts") ? `^src/${room.replace(".", "\\.")}$` : `^src/${room}/`);
const anyOf = (rooms) => rooms.map(pathOf).join("|");

const allowed = layers.flatMap((rooms, layer) => {
  const below = layers.slice(0, layer).flat();
  return rooms.map((room) => {
    const reach = (only[room] ?? [...below, ...(sameLayer[room] ?? [])]).filter(
      (other) => !(never[room] ?? []).includes(other),
    );
    return { from: { path: pathOf(room) }, to: { path: anyOf([room, ...reach]) } };
  });
});

const packageDoors = Object.entries(doors).map(([name, files]) => ({
  name: `door-to-${name}`,
  severity: "error",
  from: { path: "^src/", pathNot: `^src/(${files.join("|")})\\.ts$` },
  to: { path: `(^|node_modules/)${name.replace(".", "\\.")}(/|$)` },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: "no-circular", severity: "error", from: {}, to: { circular: true } },
    {
      name: "no-unresolvable",
      severity: "error",
      from: { pathNot: "\\.mjs$" },
      to: { couldNotResolve: true, pathNot: "uWebSockets" },
    },
    {
      name: "no-orphans",
      severity: "error",
      from: { orphan: true, pathNot: ["\\.d\\.ts$", "\\.mjs$"] },
      to: {},
    },
    {
      name: "no-package-without-a-door",
      severity: "error",
      from: { path: "^src/", pathNot: "\\.mjs$" },
      to: {
        path: "node_modules/",
        pathNot: Object.keys(doors).map((name) => `node_modules/${name.replace(".", "\\.")}/`),
      },
    },
    ...packageDoors,
    {
      name: "one-door-to-the-disk",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(io|cli)/|^src/kernel/load-kernel\\.ts$|\\.mjs$" },
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
