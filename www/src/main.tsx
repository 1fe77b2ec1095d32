/** The page's start. @module */
import { render } from "preact";
import "./style/tokens.css";
import "./style/base.css";
import "./ui/controls/controls.css";
import { followVisits } from "./page/history.ts";
import { followAddress } from "./page/session.ts";
import { loadSite } from "./page/site.ts";
import { App } from "./ui/App.tsx";

const root = document.getElementById("app");
if (!root) throw new Error("the page has no #app");
await loadSite();
followAddress();
followVisits();
render(<App />, root);
