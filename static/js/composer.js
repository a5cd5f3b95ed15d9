// The composer: keys, the slider, examples; htmx asks for the price tag. The form works without any of it.
(() => {
  "use strict";
  const SLIDER_FROM_USD = 0.0001; // at step 0, and two decades up: as in web/composer.py
  const SLIDER_DECADES = 2;

  const byId = (id) => document.getElementById(id);
  const composer = () => byId("composer");
  const prompt = () => byId("composer-prompt");
  const budget = () => byId("composer-budget");
  const slider = () => byId("composer-slider");
  const isWriting = () => Boolean(document.querySelector("[data-stream]"));
  let sent = "";
  let priced = ""; // the price tag that is shown

  function refresh() {
    if (!composer()) return;
    byId("composer-stop").hidden = !isWriting();
    byId("composer-send").hidden = isWriting();
    slider().hidden = false;
    showBudget();
  }

  function showBudget() {
    const usd = Number(budget().value.replace(/[$,\s]/g, ""));
    composer().querySelector("[data-budget-shown]").textContent = `$${budget().value.replace("$", "")}`;
    slider().setAttribute("aria-valuetext", `$${budget().value}`);
    if (!(usd > 0) || document.activeElement === slider()) return;
    const share = Math.log10(usd / SLIDER_FROM_USD) / SLIDER_DECADES;
    slider().value = String(Math.round(Math.min(1, Math.max(0, share)) * Number(slider().max)));
  }

  function slide() {
    const share = Number(slider().value) / Number(slider().max);
    const usd = SLIDER_FROM_USD * 10 ** (share * SLIDER_DECADES);
    budget().value = String(Number(usd.toPrecision(2)));
    showBudget();
  }

  function write(text) {
    prompt().value = text;
    prompt().dispatchEvent(new Event("input", { bubbles: true }));
  }

  function fill(example) {
    const task = composer().querySelector(`[name="task"][value="${example.dataset.fillTask}"]`);
    if (task) task.checked = true;
    write(example.dataset.fill);
    prompt().focus();
    prompt().setSelectionRange(prompt().value.length, prompt().value.length);
  }

  function send() {
    if (!prompt().value.trim()) return;
    if (isWriting()) {
      window.look.toast("One answer at a time: Esc stops the one being written.");
    } else {
      composer().requestSubmit(byId("composer-send"));
    }
  }

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" && !event.shiftKey && event.target === prompt()) {
      event.preventDefault();
      send();
    }
    if (event.key === "/" && !event.target.closest("input, textarea, select, dialog")) {
      event.preventDefault();
      prompt()?.focus();
    }
  });

  document.addEventListener("input", (event) => {
    if (!event.target.closest("#composer")) return;
    if (event.target === slider()) slide();
    if (event.target === budget()) showBudget();
  });

  document.addEventListener("click", (event) => {
    const example = event.target.closest("[data-fill]");
    if (!example || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    fill(example);
  });

  const isComposer = (event) => event.detail.requestConfig?.elt?.id === "composer";

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (!isComposer(event)) return;
    sent = prompt().value;
    composer().querySelector("details[open]")?.removeAttribute("open");
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    // What was refused stays until it is asked in some way; what was typed in the meantime stays.
    const { xhr, requestConfig } = event.detail;
    const refused = xhr.getResponseHeader("HX-Trigger")?.includes("chat:refused");
    const asked = requestConfig?.elt?.matches("[data-asks]") && xhr.status === 200 && !refused;
    if (asked && prompt().value === sent) write("");
    refresh();
  });
  document.addEventListener("chat:changed", refresh);
  document.addEventListener("chat:ended", refresh);
  document.addEventListener("DOMContentLoaded", () => {
    if (matchMedia("(pointer: fine)").matches) prompt()?.focus({ preventScroll: true });
    if (!prompt()?.value) return;
    sent = prompt().value; // refused before
    if (!byId("composer-price").childElementCount) write(sent);
  });

  const isPrice = (event) => event.target.id === "composer-price";

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (!isPrice(event) || prompt().value.trim()) return;
    event.preventDefault();
    event.target.replaceChildren();
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (!isPrice(event)) return;
    const { serverResponse } = event.detail;
    const isShown = serverResponse === priced && event.target.childElementCount > 0;
    if (isShown) event.detail.shouldSwap = false; // nobody is told the same again
    priced = serverResponse;
  });
  // A price that cannot be had is not worth a word: sending says what is the matter.
  function withoutPrice(event) {
    if (!isPrice(event)) return;
    event.stopPropagation();
    event.target.replaceChildren();
  }
  document.addEventListener("htmx:responseError", withoutPrice, true);
  document.addEventListener("htmx:sendError", withoutPrice, true);
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    // Signed out in another tab: what was typed stays until it is sent.
    if (!isPrice(event) || !event.detail.xhr.getResponseHeader("HX-Redirect")) return;
    event.preventDefault();
    event.target.replaceChildren();
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.requestConfig?.elt?.matches(".price-fresh")) prompt().focus();
  });
})();
