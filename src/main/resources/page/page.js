"use strict";
// What the page does besides htmx: it asks for news while it is visible, keeps what is open across a refresh, asks before what
// cannot be undone, and copies. Everything can be read without it.
(() => {
  const POLL = 5000;
  const CALM = 500;
  let stream = null;
  let pending = null;

  const tick = () => {
    if (document.visibilityState === "visible" && window.htmx) {
      htmx.trigger(document.body, "tick");
    }
  };

  // A stream only says that something has changed; the page then fetches its present state. It is open while the page is
  // visible and the run has not ended, because a browser has six connections for each host over all its tabs.
  const listen = () => {
    const source = document.querySelector("[data-stream]");
    const wanted = source && document.visibilityState === "visible" ? source.dataset.stream : null;
    if (stream && stream.path !== wanted) {
      stream.events.close();
      stream = null;
    }
    if (wanted && !stream) {
      const events = new EventSource(wanted);
      stream = { path: wanted, events };
      const soon = () => {
        pending = pending || setTimeout(() => {
          pending = null;
          tick();
        }, CALM);
      };
      ["message", "delivery", "run", "end", "open"].forEach(name => events.addEventListener(name, soon));
    }
  };

  document.addEventListener("visibilitychange", () => {
    listen();
    tick();
  });
  // Also asks while the stream reconnects, and after the service has refused it.
  setInterval(() => {
    if (!stream || stream.events.readyState !== EventSource.OPEN) {
      tick();
    }
  }, POLL);

  let kept = null;
  document.addEventListener("htmx:beforeSwap", () => {
    kept = {
      open: [...document.querySelectorAll("details[open][id]")].map(one => one.id),
      ticked: [...document.querySelectorAll("input[type=checkbox]:checked[id]")].map(one => one.id),
      focus: document.activeElement && document.activeElement.id,
    };
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (kept) {
      kept.open.map(id => document.getElementById(id)).forEach(one => { if (one) { one.open = true; } });
      kept.ticked.map(id => document.getElementById(id)).forEach(one => { if (one) { one.checked = true; } });
      const focused = kept.focus && document.getElementById(kept.focus);
      if (focused && document.activeElement !== focused) {
        focused.focus({ preventScroll: true });
      }
      kept = null;
    }
    document.getElementById("offline").hidden = true;
    ready();
    listen();
  });

  document.addEventListener("htmx:sendError", () => { document.getElementById("offline").hidden = false; });
  document.addEventListener("htmx:responseError", event => {
    if (event.detail.xhr.status === 401 && !document.querySelector("[data-editor]")) {
      location.reload();
      return;
    }
    document.getElementById("offline").hidden = false;
  });

  document.addEventListener("submit", event => {
    const question = event.submitter && event.submitter.dataset.confirm;
    if (question && !confirm(question)) {
      event.preventDefault();
    }
  });

  document.addEventListener("click", event => {
    const button = event.target.closest("[data-copy]");
    if (button) {
      navigator.clipboard.writeText(document.getElementById(button.dataset.copy).value.trim())
        .then(() => { button.textContent = "Copied"; });
    }
  });

  // Reads a chosen file into the text field of the same form. A file that is not UTF-8 is refused at the field.
  document.addEventListener("change", event => {
    const file = event.target.dataset.into && event.target.files[0];
    if (file) {
      file.arrayBuffer().then(bytes => {
        document.getElementById(event.target.dataset.into).value = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
        event.target.setCustomValidity("");
      }).catch(() => {
        event.target.setCustomValidity(event.target.dataset.wrong);
        event.target.reportValidity();
      });
    }
  });

  // The editor: a click on a variable writes it into the URL at the cursor, and Enter in the preview's field saves nothing.
  document.addEventListener("click", event => {
    const button = event.target.closest("[data-insert]");
    if (button) {
      const field = document.getElementById(button.dataset.into);
      field.setRangeText(button.dataset.insert, field.selectionStart, field.selectionEnd, "end");
      field.focus();
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
  });
  document.addEventListener("keydown", event => {
    if (event.key === "Enter" && event.target.closest("[data-calm]")) {
      event.preventDefault();
    }
  });

  const ready = () => {
    document.querySelectorAll("[data-copy]").forEach(button => { button.hidden = !navigator.clipboard; });
    document.querySelectorAll("[data-script]").forEach(one => { one.hidden = false; });
  };

  document.addEventListener("DOMContentLoaded", () => {
    ready();
    listen();
  });
})();
