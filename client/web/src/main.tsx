import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
// Before the components, whose own styles build on these.
import "./styles/tokens.css";
import "./styles/base.css";
import "./controls/controls.css";
import { App } from "./App.tsx";

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
