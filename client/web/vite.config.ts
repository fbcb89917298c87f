import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const server = "http://127.0.0.1:3000";

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  build: {
    outDir: "../../dist/web",
    emptyOutDir: true,
    rolldownOptions: {
      treeshake: {
        // The page needs the protocol's types and none of its schemas. Built at the top level of their modules, they
        // would otherwise bring all of zod along, with a `new Function` probe that the CSP refuses.
        moduleSideEffects: (id) => !id.includes("/server/protocol/"),
      },
    },
  },
  server: {
    proxy: {
      "/socket.io": { target: server, ws: true },
      "/api": server,
      "/health": server,
    },
  },
});
