// Follows answers that are being written and puts the finished ones in their place.
// Without script a reload shows the same.
(() => {
  "use strict";
  const NEAR_END = 120; // pixels: who reads the end of the page keeps seeing it
  const RETRY_MS = 3000;
  const MOST_RETRIES = 10;

  const writing = () => document.querySelector("[data-stream]");
  const tell = (name) => document.dispatchEvent(new CustomEvent(name));

  function atEnd() {
    const page = document.scrollingElement;
    return page.scrollHeight - page.scrollTop - page.clientHeight < NEAR_END;
  }

  function toEnd() {
    scrollTo({ top: document.scrollingElement.scrollHeight, behavior: "instant" });
  }

  function keepingEnd(change) {
    const stay = atEnd();
    change();
    if (stay) toEnd();
  }

  class Follower {
    constructor(article) {
      this.article = article;
      this.note = article.querySelector("[data-stream-note]");
      this.model = article.querySelector("[data-stream-model]");
      const area = article.querySelector("[data-stream-text]");
      this.text = area.firstChild || area.appendChild(document.createTextNode(""));
      this.address = new URL(article.dataset.stream, location.href);
      this.pending = "";
      this.retries = 0;
      this.open();
    }

    open() {
      this.source = new EventSource(this.address);
      const on = (name, act) => this.source.addEventListener(name, (event) => {
        if (this.article.isConnected) act(JSON.parse(event.data), event);
        else this.source.close();
      });
      on("delta", (data, event) => this.more(data.text, event.lastEventId));
      on("thinking", () => (this.note.textContent = "Thinking…"));
      on("switched", (data) => this.switched(data));
      on("done", (data) => this.done(data.html));
      on("gone", () => this.gone());
      this.source.onerror = () => this.lost();
    }

    more(text, position) {
      this.address.searchParams.set("from", position);
      this.retries = 0;
      if (!this.pending) requestAnimationFrame(() => this.write());
      this.pending += text;
    }

    write() {
      if (!this.pending) return;
      this.note.textContent = "";
      keepingEnd(() => this.text.appendData(this.pending));
      this.pending = "";
    }

    switched(data) {
      if (this.model) this.model.textContent = data.model;
      this.note.textContent = `${data.reason}. Now asking ${data.model}.`;
    }

    done(html) {
      this.source.close();
      const hadFocus = this.article.contains(document.activeElement);
      const id = this.article.id;
      keepingEnd(() => htmx.swap(this.article, html, { swapStyle: "outerHTML", swapDelay: 0, settleDelay: 0 }));
      if (hadFocus) document.getElementById("composer-prompt")?.focus();
      announce(document.getElementById(id));
      tell("chat:ended");
    }

    gone() {
      this.source.close();
      this.article.remove();
      tell("chat:ended");
    }

    // The browser reconnects by itself and names the position it has; only a refused one is up to us.
    lost() {
      if (this.source.readyState !== EventSource.CLOSED) return;
      if (++this.retries > MOST_RETRIES) {
        this.note.textContent = "The connection is lost. Reload the page to see the rest.";
        return;
      }
      this.note.textContent = "The connection is lost, trying again…";
      setTimeout(() => this.article.isConnected && this.open(), RETRY_MS);
    }
  }

  function announce(article) {
    const area = document.getElementById("announcer");
    const said = article?.querySelector("[data-answer]") || article?.querySelector(".alert");
    if (area) area.textContent = said ? said.textContent : "";
  }

  function follow(root) {
    const found = root.matches?.("[data-stream]") ? [root] : root.querySelectorAll("[data-stream]");
    for (const article of found) {
      if (article.dataset.followed === undefined) {
        article.dataset.followed = "";
        new Follower(article);
      }
    }
    tell("chat:changed");
  }

  function stop() {
    const form = writing()?.querySelector("form[data-stop]");
    if (!form) return;
    form.requestSubmit();
    writing().querySelector("[data-stream-note]").textContent = "Stopping…";
  }

  document.addEventListener("htmx:load", (event) => follow(event.target));
  document.addEventListener("htmx:afterSwap", (event) => {
    const id = event.detail.target?.id;
    if (id === "turns" || id === "content") toEnd();
    if (id === "chat-dialog") openDialog(event.detail.target, event.detail.requestConfig?.elt);
  });

  function openDialog(dialog, opener) {
    const menu = opener?.closest("details.menu");
    if (menu) menu.open = false;
    dialog.showModal();
  }

  document.addEventListener("htmx:responseError", (event) => {
    const { status } = event.detail.xhr;
    if (status === 404) window.look.toast("This is no longer there: it may have been deleted in another tab.", "warn");
    if (status === 403) window.look.toast("You have signed in or out in another tab. Reload this page.", "warn");
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("dialog [data-close]")) event.preventDefault(); // shell.js closes it
    if (event.target.closest("#composer-stop")) stop();
  });

  document.addEventListener("keydown", (event) => {
    const busy = event.target.closest?.("dialog, details.menu[open]");
    if (event.key === "Escape" && !busy && !event.isComposing) stop();
  });

  document.addEventListener("DOMContentLoaded", () => {
    if (document.querySelector("#turns .message") && !location.hash) toEnd();
  });
})();
