// Draws the dashboard's charts from #dashboard-data and keeps them in place while htmx swaps numbers:
// datasets change, charts do not, so tooltips, scroll and focus stay. Amounts are nano-dollars.
(() => {
  "use strict";
  const NANOS = 1e9;
  const poll = document.getElementById("dashboard-poll");
  const charts = {};

  const data = () => JSON.parse(document.getElementById("dashboard-data").dataset.charts);
  const version = () => document.getElementById("dashboard-version").value;

  // As the server writes amounts: cents from a dollar up, three digits that matter below.
  function usd(nanos) {
    const dollars = nanos / NANOS;
    if (nanos === 0) return "$0.00";
    if (Math.abs(dollars) >= 1) {
      return "$" + dollars.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
    }
    const decimals = Math.max(2, 2 - Math.floor(Math.log10(Math.abs(dollars))));
    const text = dollars.toFixed(decimals).replace(/0+$/, "");
    return "$" + (text.split(".")[1].length < 2 ? dollars.toFixed(2) : text);
  }

  const color = (name) => window.look.color(name);
  const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
  const tooltip = (context) => ` ${context.dataset.label ?? context.label}: ${usd(context.raw)}`;

  // The text of what a bar costs at its end: a direct label instead of an axis.
  const barLabels = {
    id: "barLabels",
    afterDatasetsDraw(chart) {
      const { ctx } = chart;
      ctx.save();
      ctx.fillStyle = color("ink");
      ctx.font = `${Chart.defaults.font.size}px ${Chart.defaults.font.family}`;
      ctx.textBaseline = "middle";
      chart.getDatasetMeta(0).data.forEach((bar, index) => {
        ctx.fillText(usd(chart.data.datasets[0].data[index]), bar.x + 8, bar.y);
      });
      ctx.restore();
    },
  };

  // What it comes to, in the middle of the ring.
  const total = {
    id: "total",
    afterDatasetsDraw(chart) {
      const { ctx, chartArea: area } = chart;
      ctx.save();
      ctx.fillStyle = color("ink");
      ctx.font = `600 19px ${Chart.defaults.font.family}`;
      ctx.textAlign = "center";
      ctx.textBaseline = "middle";
      ctx.fillText(usd(sum(chart.data.datasets[0].data)), (area.left + area.right) / 2, (area.top + area.bottom) / 2);
      ctx.restore();
    },
  };
  const plugins = { course: [], models: [total], tasks: [barLabels] };

  function defaults() {
    const style = getComputedStyle(document.body);
    Chart.defaults.font.family = style.fontFamily;
    Chart.defaults.font.size = 13;
    Chart.defaults.color = color("muted");
    Chart.defaults.borderColor = color("line");
    Chart.defaults.animation = false;
    Chart.defaults.maintainAspectRatio = false;
    Object.assign(Chart.defaults.plugins.tooltip, {
      backgroundColor: color("ink"), titleColor: color("bg"), bodyColor: color("bg"),
      footerColor: color("bg"), padding: 10, cornerRadius: 8, boxPadding: 4, usePointStyle: true,
    });
  }

  const options = {
    course: () => ({
      interaction: { mode: "index", intersect: false },
      scales: {
        x: { stacked: true, grid: { display: false }, ticks: { maxRotation: 0, autoSkipPadding: 16 } },
        y: { stacked: true, beginAtZero: true, border: { display: false }, ticks: { callback: usd, maxTicksLimit: 6 } },
      },
      plugins: {
        legend: { position: "bottom", align: "start", labels: { usePointStyle: true, boxHeight: 7 } },
        tooltip: {
          filter: (item) => item.raw > 0,
          callbacks: { label: tooltip, footer: (items) => `Together: ${usd(sum(items.map((i) => i.raw)))}` },
        },
      },
    }),
    models: () => ({
      cutout: "66%",
      plugins: { legend: { display: false }, tooltip: { callbacks: { label: tooltip } } },
    }),
    tasks: () => ({
      indexAxis: "y",
      layout: { padding: { right: 88 } },
      scales: { x: { display: false, beginAtZero: true }, y: { grid: { display: false }, border: { display: false } } },
      plugins: { legend: { display: false }, tooltip: { callbacks: { label: tooltip } } },
    }),
  };

  const shapes = {
    course: ({ course }) => ({
      labels: course.labels,
      datasets: course.series.map((series) => ({
        key: series.key, label: series.name, data: series.nanos, backgroundColor: color(series.colour),
        borderColor: color("surface"), borderWidth: { top: 1 }, borderRadius: 3, maxBarThickness: 40,
      })),
    }),
    models: ({ models }) => ({
      labels: models.map((model) => model.name),
      datasets: [{
        key: "models", data: models.map((model) => model.nanos), borderColor: color("surface"), borderWidth: 2,
        backgroundColor: models.map((model) => color(model.colour)),
      }],
    }),
    tasks: ({ tasks }) => ({
      labels: tasks.map((task) => task.name),
      datasets: [{
        key: "tasks", label: "Cost", data: tasks.map((task) => task.nanos), backgroundColor: color("accent"),
        borderRadius: 4, maxBarThickness: 22,
      }],
    }),
  };
  const types = { course: "bar", models: "doughnut", tasks: "bar" };

  // Keeps the dataset objects that stay, so that Chart.js keeps what hangs on them.
  function put(chart, shape) {
    chart.data.labels = shape.labels;
    const known = new Map(chart.data.datasets.map((set) => [set.key, set]));
    chart.data.datasets = shape.datasets.map((set) => Object.assign(known.get(set.key) ?? {}, set));
    chart.update("none");
  }

  function draw() {
    if (!window.Chart || !document.getElementById("course-chart")) return;
    defaults();
    const now = data();
    for (const name of Object.keys(shapes)) {
      const canvas = document.getElementById(`${name}-chart`);
      const shape = shapes[name](now);
      canvas.parentElement.hidden = name !== "course" && sum(shape.datasets[0].data) === 0;
      if (charts[name]) put(charts[name], shape);
      else {
        charts[name] = new Chart(canvas, {
          type: types[name], data: shape, options: options[name](), plugins: plugins[name],
        });
      }
    }
  }

  function redraw() {
    for (const name of Object.keys(charts)) {
      charts[name].destroy();
      delete charts[name];
    }
    draw();
  }

  let drawn = version();
  draw();
  document.addEventListener("look:theme", redraw);

  // Nobody looks: nobody asks. Back again, ask at once.
  poll.addEventListener("htmx:beforeRequest", (event) => {
    if (document.hidden) event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) htmx.trigger(poll, "refresh");
  });
  poll.addEventListener("htmx:afterRequest", (event) => {
    const answer = event.detail.xhr;
    // Signed out meanwhile: the sign-in page answered in our place.
    if (answer.responseURL && !new URL(answer.responseURL).pathname.startsWith("/dashboard/")) location.reload();
    if (version() === drawn) return;
    drawn = version();
    draw();
  });
  // A server that is away for a moment is no news every five seconds.
  for (const fault of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
    poll.addEventListener(fault, (event) => event.stopPropagation());
  }
})();
