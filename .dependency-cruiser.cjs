/*
 * The arrows of the architecture (docs/design.md): what each room may import. A room's list is complete: an import that
 * is not on it fails the lint.
 */
const rooms = {
  "server/protocol": [],
  "server/models": ["server/protocol"],
  "server/engines": ["server/protocol", "server/engines-file.ts"],
  "server/routing": ["server/protocol", "server/json-lines.ts"],
  "server/heads": ["server/protocol", "server/routing", "db"],
  "server/registry": ["server/protocol", "server/models", "server/engines"],
  "server/feedback": ["server/protocol", "db"],
  "server/chat": [
    "server/protocol",
    "server/routing",
    "server/registry",
    "server/engines",
    "server/models",
    "db",
  ],
  "server/learning": [
    "server/protocol",
    "server/feedback",
    "server/registry",
    "server/engines",
    "server/models",
    "db",
  ],
  "server/observe": ["server/protocol", "server/chat"],
  "server/gateway": ["server/protocol", "server/chat", "server/feedback", "server/config.ts", "db"],
  db: ["server/protocol"],
  "client/sdk": ["server/protocol"],
  "client/terminal": ["client/sdk"],
  "client/bridge": ["client/sdk"],
  "client/slack": ["client/sdk", "client/bridge"],
  "client/mattermost": ["client/sdk", "client/bridge"],
  "client/web": ["client/sdk"],
};

const own = [
  ...Object.keys(rooms),
  "server/cli",
  "server/main.ts",
  "server/running.ts",
  "server/hearing.ts",
  "server/listen.ts",
  "server/config.ts",
  "server/engines-file.ts",
  "server/data-lock.ts",
  "tests",
];
const anyOf = (paths) => `^(${paths.map((path) => path.replace(/[.]/g, "\\.")).join("|")})(/|$)`;

module.exports = {
  forbidden: [
    ...Object.entries(rooms).map(([room, allowed]) => ({
      name: `${room.replace("/", "-")}-imports-only-its-neighbours`,
      severity: "error",
      from: { path: anyOf([room]) },
      to: { path: anyOf(own), pathNot: anyOf([room, ...allowed]) },
    })),
    ...Object.keys(rooms).map((room) => ({
      name: `${room.replace("/", "-")}-is-entered-by-its-index`,
      comment: "What a room's index.ts does not export is the room's own business.",
      severity: "error",
      from: { path: "^(server|db|client)/", pathNot: anyOf([room]) },
      to: { path: anyOf([room]), pathNot: ["/index[.]ts$", "^server/protocol/"] },
    })),
    {
      name: "the-sdk-runs-in-browsers",
      comment: "client/sdk and what it imports use nothing that only Node has.",
      severity: "error",
      from: { path: "^(client/sdk|server/protocol)/", pathNot: "^server/protocol/write-asyncapi[.]ts$" },
      to: { dependencyTypes: ["core"] },
    },
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "nothing-unresolved",
      comment: "An import that cannot be followed would pass every other rule.",
      severity: "error",
      from: { path: "^(server|client|db)/" },
      to: { couldNotResolve: true, path: "^[.]" },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { extensions: [".ts", ".tsx", ".js"] },
  },
};
