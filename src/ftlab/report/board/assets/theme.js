"use strict";
// Light or dark: as the system says, until the button is pressed.
const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");
const repaint = []; // functions to call when the theme has changed
const themeButton = document.getElementById("theme");
let asked = null;

function showTheme() {
  const theme = asked || (dark.matches ? "dark" : "light");
  root.dataset.theme = theme;
  themeButton.textContent = theme === "dark" ? "Light" : "Dark";
  themeButton.setAttribute("aria-pressed", String(theme === "dark"));
  themeButton.setAttribute("aria-label", `Switch to the ${theme === "dark" ? "light" : "dark"} theme`);
  repaint.forEach((paint) => paint());
}
themeButton.addEventListener("click", () => {
  asked = root.dataset.theme === "dark" ? "light" : "dark";
  showTheme();
});
dark.addEventListener("change", showTheme);
const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
showTheme();
