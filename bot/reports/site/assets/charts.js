(function () {
  "use strict";
  var root = document.documentElement;
  var drawn = [];

  function variable(name) {
    return window.getComputedStyle(root).getPropertyValue(name).trim();
  }

  function two(number) {
    return (number < 10 ? "0" : "") + number;
  }

  var months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  function moment(seconds, step) {
    var at = new Date(seconds * 1000);
    var time = two(at.getUTCHours()) + ":" + two(at.getUTCMinutes());
    if (step >= 86400) {
      return at.getUTCDate() + " " + months[at.getUTCMonth()];
    }
    if (step >= 60) {
      return time;
    }
    var exact = time + ":" + two(at.getUTCSeconds());
    return step >= 1 ? exact : exact + "." + String(at.getUTCMilliseconds() + 1000).slice(1);
  }

  function amount(value) {
    if (value >= 10000) {
      return (value / 1000).toLocaleString("en", { maximumFractionDigits: 1 }) + "k";
    }
    return value.toLocaleString("en", { maximumFractionDigits: value < 1 ? 4 : 2 });
  }

  function shortened(text, most) {
    return text.length <= most ? text : text.slice(0, most - 1) + "…";
  }

  function sums(series) {
    // Each bar is drawn from nothing up to the sum of those below it, the highest first.
    var so_far = series.length ? series[0].values.map(function () { return 0; }) : [];
    return series.map(function (one) {
      so_far = so_far.map(function (value, at) { return value + one.values[at]; });
      return so_far;
    });
  }

  function options(data, width, height, stacked, lines) {
    var text = variable("--soft");
    var grid = variable("--grid");
    var font = "12px " + window.getComputedStyle(document.body).fontFamily;
    var named = data.ticks.length > 0;
    var room = width - 80;
    var every = named ? Math.max(1, Math.ceil(data.ticks.length / Math.max(1, Math.floor(room / 96)))) : 1;
    var bars = window.uPlot.paths.bars({ size: [named ? 0.62 : 0.86, 96], align: 0 });
    var axis = { stroke: text, font: font, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1, size: 4 } };
    var x = Object.assign({}, axis, {
      grid: { show: false }, space: 84, size: 34,
      values: function (self, splits, index, space, step) {
        return splits.map(function (value) {
          return named ? shortened(data.ticks[value] || "", 16) : moment(value, step);
        });
      }
    });
    if (named) {
      x.splits = function () {
        return data.x.filter(function (value, at) { return at % every === 0; });
      };
    }
    if (!named) {
      x.incrs = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800,
        3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000, 7776000];
    }
    var whole = [];
    for (var power = 1; power < 1e13; power *= 10) {
      whole.push(power, 2 * power, 5 * power);
    }
    var counted = data.unit === "USD" ? {} : { incrs: whole };
    var axes = [x, Object.assign({}, axis, counted, {
      size: 56, values: function (self, splits) { return splits.map(amount); }
    })];
    var series = [{}];
    stacked.slice().reverse().forEach(function (values, at) {
      var color = variable("--s" + (stacked.length - at));
      series.push({ fill: color, stroke: color, width: 0, paths: bars, points: { show: false } });
    });
    lines.forEach(function () {
      series.push({
        stroke: variable("--line"), width: 2, scale: "sum",
        points: { show: data.x.length < 40, size: 7, stroke: variable("--line"), fill: variable("--paper") }
      });
    });
    if (lines.length) {
      axes.push(Object.assign({}, axis, counted, {
        scale: "sum", side: 1, size: 56, grid: { show: false },
        values: function (self, splits) { return splits.map(amount); }
      }));
    }
    function from_nothing(self, low, high) {
      return [0, high > 0 ? high * 1.12 : 1];
    }
    return {
      width: width, height: height, series: series, axes: axes, padding: [data.marks.length ? 22 : 10, lines.length ? 8 : 28, 0, 0],
      scales: {
        x: { time: false, range: function () { return data.span; } },
        y: { range: from_nothing }, sum: { range: from_nothing }
      },
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
      hooks: { draw: [function (self) { marks(self, data); }], setCursor: [function (self) { readout(self, data); }] }
    };
  }

  function marks(self, data) {
    var ctx = self.ctx;
    var scale = window.uPlot.pxRatio;
    var box = self.bbox;
    ctx.save();
    ctx.font = "600 " + 11 * scale + "px " + window.getComputedStyle(document.body).fontFamily;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    data.marks.forEach(function (mark) {
      var at = Math.min(Math.max(mark.at, data.span[0]), data.span[1]);
      var x = Math.round(self.valToPos(at, "x", true));
      var color = variable(mark.kind === "fix" ? "--fix" : "--deploy");
      ctx.strokeStyle = color;
      ctx.fillStyle = color;
      ctx.lineWidth = 1.5 * scale;
      ctx.setLineDash(mark.kind === "fix" ? [] : [5 * scale, 4 * scale]);
      ctx.beginPath();
      ctx.moveTo(x, box.top);
      ctx.lineTo(x, box.top + box.height);
      ctx.stroke();
      ctx.setLineDash([]);
      var label = mark.letter + (mark.inside ? "" : mark.at > data.span[1] ? " →" : " ←");
      var width = ctx.measureText(label).width + 10 * scale;
      var left = Math.min(Math.max(x - width / 2, 0), ctx.canvas.width - width);
      ctx.fillRect(left, box.top - 19 * scale, width, 16 * scale);
      ctx.fillStyle = variable("--paper");
      ctx.fillText(label, left + width / 2, box.top - 10.5 * scale);
    });
    ctx.restore();
  }

  function readout(self, data) {
    var place = self.root.parentNode.parentNode.querySelector(".readout");
    var at = self.cursor.idx;
    if (!place) {
      return;
    }
    if (at === null || at === undefined) {
      place.textContent = "";
      return;
    }
    var span = data.x.length > 1 ? data.x[1] - data.x[0] : 0;
    var head = data.ticks.length ? data.ticks[at] : "from " + moment(data.x[at] - span / 2, Math.min(span, 59));
    place.textContent = head + ": " + data.series.filter(function (one) {
      return one.values[at] > 0 || data.series.length === 1;
    }).map(function (one) {
      return amount(one.values[at]) + " " + one.label;
    }).join(", ");
  }

  function draw(place, data) {
    var width = Math.max(240, Math.floor(place.clientWidth));
    if (data.ticks.length) {
      width = Math.min(width, 180 * data.ticks.length + 160);
    }
    var bars = data.series.filter(function (one) { return !one.line; });
    var lines = data.series.filter(function (one) { return one.line; });
    var stacked = sums(bars);
    var height = Math.min(300, Math.max(200, Math.round(place.clientWidth * 0.3)));
    place.textContent = "";
    var values = [data.x].concat(stacked.slice().reverse(), lines.map(function (one) { return one.values; }));
    var plot = new window.uPlot(options(data, width, height, stacked, lines), values, place);
    place.setAttribute("data-drawn", "yes");
    return plot;
  }

  document.querySelectorAll(".plot").forEach(function (place) {
    var source = document.getElementById(place.getAttribute("data-chart"));
    var data = JSON.parse(source.textContent);
    drawn.push({ place: place, data: data, plot: draw(place, data), width: place.clientWidth });
  });

  function again() {
    drawn.forEach(function (one) {
      one.plot.destroy();
      one.width = one.place.clientWidth;
      one.plot = draw(one.place, one.data);
    });
  }

  document.addEventListener("themechange", again);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  window.addEventListener("beforeprint", function () {
    root.classList.add("printing");
    again();
  });
  window.addEventListener("afterprint", function () {
    root.classList.remove("printing");
    again();
  });
  if (window.ResizeObserver) {
    var watcher = new ResizeObserver(function () {
      drawn.forEach(function (one) {
        if (one.place.clientWidth !== one.width && one.place.clientWidth > 0) {
          one.width = one.place.clientWidth;
          one.plot.destroy();
          one.plot = draw(one.place, one.data);
        }
      });
    });
    drawn.forEach(function (one) { watcher.observe(one.place); });
  }
})();
