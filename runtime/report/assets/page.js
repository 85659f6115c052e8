// What every page does: the choice of light and dark, and the text of a chart's point beside the chart.
const themes = ["system", "light", "dark"];
const button = document.getElementById("theme");
let theme = "system";
try { theme = themes.includes(localStorage.getItem("nearwire-theme")) ? localStorage.getItem("nearwire-theme") : "system"; } catch { /* no storage here */ }

function apply() {
  if (theme === "system") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.dataset.theme = theme;
  button.textContent = `Theme: ${theme}`;
  document.dispatchEvent(new CustomEvent("themechange"));
}

button.addEventListener("click", () => {
  theme = themes[(themes.indexOf(theme) + 1) % themes.length];
  try { localStorage.setItem("nearwire-theme", theme); } catch { /* the choice lasts as long as the page */ }
  apply();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => document.dispatchEvent(new CustomEvent("themechange")));
apply();

for (const figure of document.querySelectorAll(".chart")) {
  const note = figure.querySelector(".chart-note");
  for (const mark of figure.querySelectorAll(".mark[aria-label]")) {
    for (const event of ["mouseenter", "focus", "click"]) mark.addEventListener(event, () => { note.textContent = mark.getAttribute("aria-label"); });
  }
}
