// Loaded in <head>, not deferred: the chosen theme must stand before the first paint.
// Without a choice the system's preference holds (color-scheme in app.css).
(() => {
  "use strict";
  const KEY = "theme";
  const root = document.documentElement;

  function stored() {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // storage can be forbidden; the switch then lasts for one page
    }
  }

  function store(choice) {
    try {
      choice === "system" ? localStorage.removeItem(KEY) : localStorage.setItem(KEY, choice);
    } catch {
      // see stored()
    }
  }

  function apply(choice) {
    if (choice === "light" || choice === "dark") root.dataset.theme = choice;
    else delete root.dataset.theme;
  }

  function press() {
    const now = root.dataset.theme || "system";
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === now));
    }
  }

  function announce() {
    document.dispatchEvent(new CustomEvent("look:theme"));
  }

  apply(stored());
  root.dataset.js = "";

  document.addEventListener("DOMContentLoaded", press);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-theme-choice]");
    if (!button) return;
    store(button.dataset.themeChoice);
    apply(button.dataset.themeChoice);
    press();
    announce();
  });
  window.addEventListener("storage", (event) => {
    if (event.key !== KEY) return;
    apply(event.newValue);
    press();
    announce();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", announce);

  // For charts: the colour of a token ("accent", "held", "model-3") in the theme of this moment,
  // as the browser resolves it. Draw again on "look:theme".
  window.look = {
    color(token) {
      const probe = document.createElement("span");
      probe.style.color = `var(--${token})`;
      document.body.append(probe);
      const color = getComputedStyle(probe).color;
      probe.remove();
      return color;
    },
  };
})();
