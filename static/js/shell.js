// Small conveniences of every page. All of them improve something that works without script.
(() => {
  "use strict";
  const TOAST_MS = 6000;

  // window.look.toast("Saved", "ok"), or from the server HX-Trigger: {"toast": {"text": …, "level": …}}
  function toast(text, level = "info") {
    const area = document.getElementById("toasts");
    if (!area) return;
    const note = document.createElement("p");
    note.className = `alert alert-${level}`;
    note.textContent = text;
    area.append(note);
    setTimeout(() => note.remove(), TOAST_MS);
  }

  async function copy(button) {
    const source = button.dataset.copy
      ? document.querySelector(button.dataset.copy)
      : button.closest(".code")?.querySelector("pre");
    if (!source) return;
    const label = button.querySelector("[data-copy-label]") || button;
    const before = label.textContent;
    try {
      await navigator.clipboard.writeText(source.value ?? source.textContent);
      label.textContent = "Copied";
    } catch {
      label.textContent = "Press Ctrl+C";
      getSelection().selectAllChildren(source);
    }
    setTimeout(() => (label.textContent = before), 1500);
  }

  function closeMenus(except) {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(except)) menu.open = false;
    }
  }

  function openDialog(button) {
    document.getElementById(button.dataset.open)?.showModal();
  }

  // Browsers without field-sizing: content.
  const grow = (area) => {
    area.style.height = "auto";
    area.style.height = `${area.scrollHeight}px`;
  };

  // What scrolls sideways must be reachable by keyboard.
  function reachable() {
    for (const box of document.querySelectorAll(".table-scroll, .code pre, .prose pre, .prose table")) {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  }

  reachable();
  window.addEventListener("resize", reachable);
  document.addEventListener("toggle", reachable, true);
  document.addEventListener("htmx:afterSettle", reachable);

  document.addEventListener("click", (event) => {
    closeMenus(event.target);
    const copier = event.target.closest("[data-copy]");
    if (copier) copy(copier);
    const opener = event.target.closest("[data-open]");
    if (opener) openDialog(opener);
    const closer = event.target.closest("[data-close]");
    if (closer) closer.closest("dialog")?.close();
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = event.target.closest?.("details.menu[open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });

  if (!CSS.supports("field-sizing", "content")) {
    document.addEventListener("input", (event) => {
      if (event.target.matches("textarea[data-grow]")) grow(event.target);
    });
  }

  // The rail is a popover only where it is narrow; widened while open it would stay in the top layer.
  matchMedia("(max-width: 56rem)").addEventListener("change", () => {
    const rail = document.getElementById("rail");
    if (rail?.matches(":popover-open")) rail.hidePopover();
  });

  document.addEventListener("toast", (event) => toast(event.detail.text, event.detail.level));
  document.addEventListener("htmx:sendError", () => {
    toast("No connection to the server. History shows what was charged, if anything.", "refusal");
  });
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.status >= 500) {
      toast("Something went wrong on our side. History shows what was charged, if anything.", "refusal");
    }
  });

  window.look.toast = toast;
})();
