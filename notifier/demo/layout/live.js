// Keeps the strip up to date, and the list too unless somebody is about to use it. Without this script, a page reloads by itself.
"use strict";

const EVERY = 800; // milliseconds

function exchange(id, fresh) {
  const old = document.getElementById(id);
  const next = fresh.getElementById(id);
  if (!old || !next || old.innerHTML === next.innerHTML) return;
  const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
  old.replaceWith(next);
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

async function refresh() {
  try {
    const answer = await fetch(location.href, { cache: "no-store" });
    if (answer.ok) {
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      exchange("time", fresh);
      exchange("figures", fresh);
      exchange("moves", fresh);
      const content = document.getElementById("content");
      const inUse = content && (content.matches(":hover") || content.contains(document.activeElement));
      if (content && !inUse && !String(getSelection())) exchange("content", fresh);
    }
  } catch {
    // The demonstration has ended, or is busy; what is shown stays.
  }
}

async function keepUp() {
  await refresh();
  setTimeout(keepUp, document.hidden ? 5 * EVERY : EVERY);
}

async function move(event) {
  event.preventDefault();
  const form = event.target;
  const sent = new URLSearchParams(new FormData(form, event.submitter));
  await fetch(form.action, { method: "POST", body: sent, redirect: "manual" });
  await refresh();
}

document.addEventListener("submit", (event) => {
  if (event.target.id === "moves") move(event);
});
setTimeout(keepUp, EVERY);
