// Runs before anything else. Registers the one Trusted Types policy there is: Mantine writes style sheets through innerHTML,
// so text without a "<" may pass, and nothing else; the only worker is our own. Then sets the colours before the first paint.
"use strict";
if (window.trustedTypes) {
  const refuse = what => { throw new TypeError(what); };
  window.trustedTypes.createPolicy("default", {
    createHTML: text => (text.includes("<") ? refuse("no HTML from text") : text),
    createScriptURL: url => (url === "/live-worker.js" ? url : refuse("no such worker")),
    createScript: () => refuse("no script from text"),
  });
}
{
  let chosen = "auto";
  try { chosen = localStorage.getItem("mantine-color-scheme-value") || "auto"; } catch { /* storage is off: the system's */ }
  const isDark = chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.setAttribute("data-mantine-color-scheme", isDark ? "dark" : "light");
}
