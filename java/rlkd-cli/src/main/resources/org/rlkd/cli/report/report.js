"use strict";
let data = JSON.parse(document.getElementById("run-data").textContent);
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined && text !== null) node.textContent = text;
  return node;
}

function percent(x) {
  return x === null || x === undefined ? "–" : (100 * x).toFixed(1) + " %";
}

function number(x) {
  if (x === null || x === undefined) return "–";
  const a = Math.abs(x);
  return a !== 0 && (a < 0.001 || a >= 1e5) ? x.toExponential(2) : String(+x.toPrecision(4));
}

/* ---- before and after ---- */
const outcomes = [
  ["accuracy", "Answer accuracy"],
  ["structure", "Structure score"],
  ["format", "Format rate"],
];

function renderOutcomes(summary) {
  const host = document.getElementById("outcome");
  if (!summary || !summary.before || !summary.after) return;
  host.hidden = false;
  const table = host.querySelector("tbody");
  table.replaceChildren();
  for (const [key, title] of outcomes) {
    const before = summary.before[key], after = summary.after[key];
    if (before === undefined || after === undefined) continue;
    const row = element("tr");
    row.append(element("td", "", title));
    row.append(element("td", "n", percent(before)));
    row.append(element("td", "n", percent(after)));
    const points = 100 * (after - before);
    row.append(element("td", "n " + (points >= 0 ? "gain" : "loss"), (points >= 0 ? "+" : "") + points.toFixed(1)));
    const cell = element("td"), bar = element("div", "bar");
    const low = element("i", "before"), high = element("i");
    low.style.width = 100 * Math.min(before, after) + "%";
    high.style.width = 100 * Math.max(before, after) + "%";
    bar.append(high, low);
    cell.append(bar);
    row.append(cell);
    table.append(row);
  }
}

function renderStages(summary) {
  const seconds = summary && summary.seconds;
  if (!seconds) return;
  const host = document.getElementById("time");
  host.hidden = false;
  const stages = Object.entries(seconds).filter(([name]) => name !== "total");
  const total = stages.reduce((sum, [, value]) => sum + value, 0);
  const bar = host.querySelector(".stages"), key = host.querySelector(".key");
  bar.replaceChildren();
  key.replaceChildren();
  stages.forEach(([name, value], i) => {
    const colour = `hsl(${(222 + (i * 360) / stages.length) % 360} 55% 55%)`;
    const part = element("span");
    part.style.width = (100 * value) / total + "%";
    part.style.background = colour;
    part.title = `${name}: ${value.toFixed(1)} s`;
    bar.append(part);
    const item = element("span"), dot = element("i");
    dot.style.background = colour;
    item.append(dot, `${name.replaceAll("_", " ")} ${value.toFixed(1)} s`);
    key.append(item);
  });
}

/* ---- curves ---- */
const preferred = [
  "reward", "rewards/accuracy/mean", "rewards/structure/mean", "rewards/format/mean", "rewards/tag_count/mean", "loss",
  "entropy", "completions/mean_length", "completions/clipped_ratio", "grad_norm", "kl", "frac_reward_zero_std",
  "eval_reward", "eval_loss",
];

function renderCurves(metrics) {
  const names = new Set();
  for (const row of metrics) {
    for (const [key, value] of Object.entries(row)) if (typeof value === "number" && key !== "step") names.add(key);
  }
  const rank = (name) => (preferred.indexOf(name) < 0 ? preferred.length : preferred.indexOf(name));
  const ordered = [...names].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
  const host = document.getElementById("curves"), more = document.getElementById("more-curves");
  host.replaceChildren();
  more.replaceChildren();
  if (ordered.length) document.getElementById("metrics").hidden = false;
  for (const name of ordered) {
    const rows = metrics.filter((row) => typeof row[name] === "number" && typeof row.step === "number");
    if (rows.length < 2) continue;
    const card = element("div", "card chart");
    card.append(element("h3", "", name));
    (preferred.includes(name) ? host : more).append(card);
    const values = rows.map((row) => row[name]);
    const series = [{ label: "step" }, { label: "value", stroke: css("--accent"), width: 1.4, value: (u, v) => number(v) }];
    const columns = [rows.map((row) => row.step), values];
    if (values.length >= 12) {
      const width = Math.max(3, Math.round(values.length / 12));
      columns.push(values.map((_, i) => {
        const window = values.slice(Math.max(0, i - width + 1), i + 1);
        return window.reduce((sum, v) => sum + v, 0) / window.length;
      }));
      series[1].stroke = css("--before");
      series.push({ label: `mean of ${width}`, stroke: css("--accent"), width: 2, value: (u, v) => number(v) });
    }
    const axis = { stroke: css("--muted"), grid: { stroke: css("--line") }, ticks: { stroke: css("--line") } };
    new uPlot({ width: 300, height: 170, scales: { x: { time: false } }, series,
      axes: [axis, { ...axis, size: 58, values: (u, ticks) => ticks.map(number) }] }, columns, card);
  }
  if (more.childElementCount) document.getElementById("more").hidden = false;
}

/* ---- rewards ---- */
function renderHistograms(histograms) {
  const section = document.getElementById("histograms"), host = section.querySelector(".grid");
  section.hidden = Object.keys(histograms).length === 0;
  host.replaceChildren();
  for (const [name, histogram] of Object.entries(histograms)) {
    const card = element("div", "card chart histogram"), bins = element("div", "bins"), ends = element("div", "ends");
    const total = (counts) => Math.max(1, counts.reduce((sum, count) => sum + count, 0));
    const shares = [histogram.first, histogram.last].map((counts) => counts.map((count) => count / total(counts)));
    const most = Math.max(...shares.flat());
    for (let i = 0; i < histogram.first.length; i++) {
      const bin = element("span");
      shares.forEach((share, part) => {
        const bar = element("i", part === 0 ? "before" : "");
        bar.style.height = (100 * share[i]) / most + "%";
        bar.title = percent(share[i]);
        bin.append(bar);
      });
      bins.append(bin);
    }
    ends.append(element("span", "", number(histogram.low)), element("span", "", number(histogram.high)));
    card.append(element("h3", "", name), bins, ends);
    host.append(card);
  }
}

/* ---- completions ---- */
function verdict(judgement) {
  const line = element("div", "verdict");
  for (const [key, title] of [["meta", "sub-problem"], ["query", "query"], ["answer", "answer"]]) {
    const value = judgement[key];
    const known = typeof value === "number";
    const chip = element("span", "chip " + (!known ? "" : value >= 0.5 ? "yes" : "no"),
      title + (!known ? " ?" : value === 1 ? " ✓" : value === 0 ? " ✗" : " " + value.toFixed(2)));
    line.append(chip);
  }
  return line;
}

function stepBox(step, index, className) {
  const box = element("div", "step " + (className || ""));
  if (!step) {
    box.append(element("span", "empty", "no step"));
    return box;
  }
  box.append(element("div", "", `${index + 1}. ${step.metaReasoning || "—"}`));
  box.append(element("div", "q", step.query || "—"));
  box.append(element("div", "", "→ " + (step.answer || "—")));
  return box;
}

function renderStructure(structure) {
  const host = element("div", "steps");
  host.append(element("div", "head", "student"), element("div", "head", "teacher (best path)"));
  const student = structure.student || [], teacher = structure.teacher || [];
  const judged = structure.judgements || [];
  for (let i = 0; i < Math.max(student.length, teacher.length); i++) {
    const judgement = judged[i];
    let className = "";
    if (judgement && typeof judgement.reward === "number") {
      className = judgement.reward >= 0.999 ? "full" : judgement.reward > 0 ? "part" : "none";
    } else if (i < student.length) {
      className = "none";
    }
    const left = stepBox(student[i], i, className);
    if (judgement) left.append(verdict(judgement));
    host.append(left, stepBox(teacher[i], i, ""));
  }
  return host;
}

function renderCompletion(row) {
  const card = element("div", "card completion");
  card.append(element("div", "prompt", row.prompt));
  card.append(element("div", "text", row.completion));
  const chips = element("div");
  for (const [name, value] of Object.entries(row.rewards || {})) {
    const known = typeof value === "number";
    chips.append(element("span", "chip " + (!known ? "" : value > 0.5 ? "yes" : value > 0 ? "" : "no"),
      `${name} ${known ? number(value) : "unscorable"}`));
  }
  if (typeof row.advantage === "number") chips.append(element("span", "chip", "advantage " + number(row.advantage)));
  if (row.answer !== undefined && row.answer !== null) chips.append(element("span", "chip", "expected " + row.answer));
  for (const reason of Object.values(row.unscorable || {})) chips.append(element("span", "chip no", reason));
  card.append(chips);
  if (row.structure) card.append(renderStructure(row.structure));
  return card;
}

const slider = document.getElementById("step"), order = document.getElementById("order");

function renderCompletions(rows) {
  if (!rows.length) return;
  document.getElementById("completions").hidden = false;
  const steps = [...new Set(rows.map((row) => row.step))].sort((a, b) => a - b);
  const label = document.getElementById("step-label"), host = document.getElementById("completion-list");
  const atEnd = +slider.value === +slider.max;
  slider.max = steps.length - 1;
  if (atEnd) slider.value = steps.length - 1;
  const total = (row) => (typeof row.advantage === "number" ? row.advantage : -Infinity);
  const step = steps[+slider.value];
  label.textContent = `step ${step}`;
  const shown = rows.filter((row) => row.step === step);
  if (order.value === "best") shown.sort((a, b) => total(b) - total(a));
  if (order.value === "worst") shown.sort((a, b) => total(a) - total(b));
  host.replaceChildren(...shown.map(renderCompletion));
}

for (const control of [slider, order]) control.addEventListener("input", () => renderCompletions(data.completions));

function render() {
  renderOutcomes(data.summary);
  renderStages(data.summary);
  renderCurves(data.metrics);
  renderHistograms(data.histograms);
  renderCompletions(data.completions);
}

slider.max = slider.value = 0;
render();

/* ---- while the run goes on ---- */
async function follow() {
  try {
    const answer = await fetch(`data?version=${data.version}`);
    if (answer.status === 200) {
      data = await answer.json();
      render();
    }
  } catch (e) {
    // The server is gone; what is shown stays.
  }
  setTimeout(follow, 2000);
}
if (document.body.dataset.live === "true") setTimeout(follow, 2000);
