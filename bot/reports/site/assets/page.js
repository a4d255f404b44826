(function () {
  "use strict";
  var root = document.documentElement;

  // The theme: the system's, light, dark, in turn.
  var themes = ["system", "light", "dark"];
  var button = document.getElementById("theme");
  function theme() {
    return root.getAttribute("data-theme") || "system";
  }
  function show() {
    button.querySelector(".theme-name").textContent = theme();
  }
  if (button) {
    button.hidden = false;
    show();
    button.addEventListener("click", function () {
      var next = themes[(themes.indexOf(theme()) + 1) % themes.length];
      if (next === "system") {
        root.removeAttribute("data-theme");
      } else {
        root.setAttribute("data-theme", next);
      }
      try {
        if (next === "system") {
          window.localStorage.removeItem("whybot-theme");
        } else {
          window.localStorage.setItem("whybot-theme", next);
        }
      } catch (error) {
        // Not remembered then.
      }
      show();
      document.dispatchEvent(new Event("themechange"));
    });
  }

  // What is folded must not be missing on paper.
  var folded = [];
  window.addEventListener("beforeprint", function () {
    folded = Array.prototype.filter.call(document.querySelectorAll("details"), function (one) {
      return !one.open;
    });
    folded.forEach(function (one) {
      one.open = true;
    });
  });
  window.addEventListener("afterprint", function () {
    folded.forEach(function (one) {
      one.open = false;
    });
  });

  // Regions that need no scrolling are no stops for the Tab key.
  var regions = document.querySelectorAll(".scroll");
  function settle() {
    regions.forEach(function (one) {
      var wide = one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1;
      if (wide) {
        one.setAttribute("tabindex", "0");
      } else {
        one.removeAttribute("tabindex");
      }
    });
  }
  if (window.ResizeObserver) {
    var watcher = new ResizeObserver(settle);
    regions.forEach(function (one) {
      watcher.observe(one);
    });
  }

  // The evidence beside the claims.
  var panel = document.getElementById("evidence");
  if (!panel) {
    return;
  }
  var cites = Array.prototype.slice.call(document.querySelectorAll("a.cite"));
  var status = document.getElementById("evidence-status");
  var narrow = window.matchMedia("(max-width: 61.99rem)");
  var from = null;

  function open(id, cite, asked) {
    var chosen = document.getElementById(id);
    if (!chosen || !chosen.classList.contains("evidence")) {
      return null;
    }
    panel.querySelectorAll(".evidence.is-open").forEach(function (one) {
      one.classList.remove("is-open");
    });
    chosen.classList.add("is-open");
    panel.classList.toggle("is-sheet", narrow.matches && Boolean(asked));
    cites.forEach(function (one) {
      if (one.getAttribute("data-evidence") === id) {
        one.setAttribute("aria-current", "true");
      } else {
        one.removeAttribute("aria-current");
      }
    });
    from = cite || from;
    var body = panel.querySelector(".evidence-body");
    var mark = chosen.querySelector(".cited");
    body.scrollTop = 0;
    if (mark) {
      // Only as far as it must, so that the head of the evidence is seen where there is room for both.
      var frame = body.getBoundingClientRect();
      var box = (mark.querySelector("mark") || mark).getBoundingClientRect();
      if (box.bottom > frame.bottom - 8) {
        body.scrollTop = box.top - frame.top - body.clientHeight / 3;
      }
    }
    settle();
    return chosen;
  }

  function close() {
    panel.classList.remove("is-sheet");
    if (from) {
      from.focus({ preventScroll: true });
    }
  }

  cites.forEach(function (cite) {
    cite.addEventListener("click", function (event) {
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) {
        return;
      }
      var id = cite.getAttribute("data-evidence");
      var chosen = open(id, cite, true);
      if (!chosen) {
        return;
      }
      event.preventDefault();
      window.history.replaceState(null, "", "#" + id);
      var heading = chosen.querySelector("h4");
      status.textContent = "Shown beside: " + heading.textContent;
      if (event.detail === 0) {
        heading.focus({ preventScroll: !narrow.matches });
      }
    });
  });

  panel.addEventListener("click", function (event) {
    if (event.target.closest("#evidence-close")) {
      close();
    }
    var back = event.target.closest("a.back");
    if (back && from) {
      event.preventDefault();
      panel.classList.remove("is-sheet");
      from.focus();
    }
  });
  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape" && (panel.classList.contains("is-sheet") || panel.contains(document.activeElement))) {
      close();
    }
  });
  narrow.addEventListener("change", function () {
    panel.classList.remove("is-sheet");
  });

  function follow() {
    var id = window.location.hash.slice(1);
    return /^ev-\d+$/.test(id) && open(id, document.querySelector('a.cite[data-evidence="' + id + '"]'), true);
  }
  window.addEventListener("hashchange", follow);
  if (!follow() && cites.length && !narrow.matches) {
    open(cites[0].getAttribute("data-evidence"), cites[0]);
  }
})();
