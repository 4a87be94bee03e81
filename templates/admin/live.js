// Keeps what is going out up to date while somebody looks. Without it the page says the same when it is opened again.
"use strict";

const EVERY = 5000; // milliseconds

async function refresh() {
  try {
    const answer = await fetch(location.href, { cache: "no-store", redirect: "error" });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live");
    const old = document.getElementById("live");
    if (fresh && old && old.innerHTML !== fresh.innerHTML && !old.contains(document.activeElement)) old.replaceWith(fresh);
  } catch {
    // The service is away, or nobody is signed in any more; what is shown stays.
  }
}

setInterval(() => document.hidden || refresh(), EVERY);
