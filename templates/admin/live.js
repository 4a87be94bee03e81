// Keeps what is going out up to date while somebody looks. Without it the page says the same when it is opened again.
"use strict";

const EVERY = 5000; // milliseconds

async function refresh() {
  try {
    const answer = await fetch(location.href, { cache: "no-store", redirect: "error" });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const old of document.querySelectorAll("[data-live]")) {
      const next = fresh.getElementById(old.id);
      if (next && old.innerHTML !== next.innerHTML && !old.contains(document.activeElement)) old.replaceWith(next);
    }
  } catch {
    // The service is away, or nobody is signed in any more; what is shown stays.
  }
}

setInterval(() => document.hidden || refresh(), EVERY);
