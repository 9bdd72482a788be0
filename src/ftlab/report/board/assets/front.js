// The front chart: any two axes, their Pareto front, intervals, the verdict's candidates marked.
const frontBox = byId("front");
const groupNames = ["model", "adapter", "prompt", "compression"];
const varied = groupNames.filter((name) => new Set(data.rows.map((row) => row.groups[name])).size > 1);
const colourPick = byId("colour");
for (const name of varied.length ? varied : ["model"]) {
  const option = make("option", name);
  option.value = name;
  colourPick.append(option);
}
let front = null; // what is drawn now: points by screen order, and how to find them

const better = (axis, a, b) => (axis.best === "max" ? a > b : a < b);
// Points that no other beats on both axes, by x.
function paretoFront(points, xAxis, yAxis) {
  const ordered = points.slice().sort((a, b) => (a.x === b.x ? (better(yAxis, a.y, b.y) ? -1 : 1) : better(xAxis, a.x, b.x) ? -1 : 1));
  const kept = [];
  for (const point of ordered) if (!kept.length || better(yAxis, point.y, kept[kept.length - 1].y)) kept.push(point);
  return kept;
}
// The front as stairs: between two of its points one must take the worse of both values.
function stairs(kept) {
  const xs = [], ys = [];
  kept.forEach((point, number) => {
    if (number) { xs.push(point.x); ys.push(kept[number - 1].y); }
    xs.push(point.x);
    ys.push(point.y);
  });
  return { x: xs, y: ys };
}

async function drawFront() {
  const [a, b] = [axisOf(byId("x-axis").value), axisOf(byId("y-axis").value)];
  const [xAxis, yAxis] = [data.axes[a], data.axes[b]];
  const all = data.rows.map((row, number) => ({ row, number, x: row.values[a], y: row.values[b] })).filter((one) => one.x !== null && one.y !== null && one.x !== undefined && one.y !== undefined);
  const logs = [["x-log", "x"], ["y-log", "y"]].map(([id, side]) => {
    const fits = all.every((one) => one[side] > 0);
    byId(id).disabled = !fits;
    return fits && byId(id).checked;
  });
  const colours = coloursBy(colourPick.value || "model");
  const crowd = all.length > 60;
  for (const one of all) {
    const mark = one.row.mark;
    one.color = colours.of(one.row);
    one.size = mark === "choice" ? 19 : mark ? 13 : crowd ? 7 : 10;
    one.alpha = one.row.out ? 0.15 : mark ? 1 : crowd ? 0.45 : 0.65;
    one.edge = mark === "choice" || mark === "runner-up" ? colour("--ink") : mark ? colour("--card") : one.color;
    one.width = mark === "choice" ? 3 : mark === "runner-up" ? 1.8 : 1;
  }
  const order = { choice: 3, "runner-up": 2, front: 1 };
  all.sort((p, q) => (order[p.row.mark] || 0) - (order[q.row.mark] || 0));
  const kept = paretoFront(all.filter((one) => !one.row.out), xAxis, yAxis);
  const bars = intervalBars(all, a, b, crowd, logs);
  const turn = (drawFront.turn = (drawFront.turn || 0) + 1);
  const drawn = await drawChart(`front/${logs[0] ? "log" : "linear"}/${logs[1] ? "log" : "linear"}`, frontBox);
  if (turn !== drawFront.turn) return; // a later choice has overtaken this one
  const { view, plot, named } = drawn;
  plot.below[0].axis_label.text = titled(xAxis);
  plot.left[0].axis_label.text = titled(yAxis);
  if (all.length) {
    const ends = (side, one, two) => [...all.map((p) => p[side]), ...bars.flatMap((bar) => [bar[one], bar[two]])];
    setRange(plot.x_range, ...around(ends("x", "x0", "x1"), logs[0], 0.09));
    setRange(plot.y_range, ...around(ends("y", "y0", "y1"), logs[1], 0.09));
  }
  const points = all.map((one) => ({ ...one, row: one.number }));
  named("bars").data = columnsOf(bars, ["x0", "y0", "x1", "y1", "color"]);
  named("steps").data = stairs(kept);
  named("points").data = columnsOf(points, ["x", "y", "color", "size", "alpha", "edge", "width", "row"]);
  front = { view, all, xAxis, yAxis, walk: all.slice().sort((p, q) => p.x - q.x), at: -1 };
  nameFront(named, view, all, kept);
  watchFront(named("points"), all);
  showLegend(colours);
  const left = data.rows.length - all.length;
  byId("front-said").textContent = left ? `${left} of ${data.rows.length} candidates have no value on one of these axes.` : "";
}
const titled = (axis) => `${axis.label}, ${axis.best === "max" ? "higher" : "lower"} is better`;
function intervalBars(all, a, b, crowd, logs) {
  const bars = [];
  for (const one of all) {
    if (crowd && !one.row.mark) continue;
    const [h, v] = [one.row.ends && one.row.ends[a], one.row.ends && one.row.ends[b]];
    if (h && (h[0] > 0 || !logs[0])) bars.push({ x0: h[0], x1: h[1], y0: one.y, y1: one.y, color: one.color });
    if (v && (v[0] > 0 || !logs[1])) bars.push({ x0: one.x, x1: one.x, y0: v[0], y1: v[1], color: one.color });
  }
  return bars;
}
function nameFront(named, view, all, kept) {
  const frame = view.frame;
  const screen = (one) => ({ sx: frame.x_scale.compute(one.x) - frame.bbox.left, sy: frame.y_scale.compute(one.y) - frame.bbox.top });
  const marked = all.filter((one) => one.row.mark === "choice" || one.row.mark === "runner-up").reverse();
  const wanted = [...new Set([...marked, ...kept, ...all.filter((one) => one.row.mark), ...(all.length <= 16 ? all : [])])].slice(0, 24);
  const names = wanted.map((one) => ({ ...one, ...screen(one), must: one.row.mark === "choice", text: (one.row.key.length > 34 ? `${one.row.key.slice(0, 33)}…` : one.row.key) + (one.row.mark === "choice" ? " · choice" : ""), color: one.row.mark === "choice" ? colour("--ink") : colour("--muted") }));
  const taken = all.slice(-80).map((one) => { const { sx, sy } = screen(one); const r = one.size / 2 + 1; return [sx - r, sy - r, sx + r, sy + r]; });
  named("names").data = columnsOf(placeNames(names, taken, frame.bbox.width, frame.bbox.height), ["x", "y", "text", "dx", "dy", "color"]);
}
function tipLines(one) {
  const row = one.row, { xAxis, yAxis } = front;
  const lines = [make("b", row.key)];
  if (row.mark) lines.push(make("span", row.mark === "front" ? "on the front" : row.mark));
  for (const axis of new Set([yAxis, xAxis, ...data.drawn.map((number) => data.axes[number])])) {
    const number = data.axes.indexOf(axis);
    const ends = row.ends && row.ends[number];
    lines.push(make("span", `${axis.label}: ${said(axis, row.values[number])}${ends ? ` (${between(axis, ends)})` : ""}`));
  }
  return lines;
}
let pointer = { clientX: 0, clientY: 0 };
frontBox.addEventListener("pointermove", (event) => { pointer = event; }, true);
frontBox.addEventListener("pointerleave", hideTip);
function watchFront(source, all) {
  source.inspect.connect(() => {
    const hit = source.inspected.indices;
    if (!hit.length) return hideTip();
    showTip(tipLines(all[hit[hit.length - 1]]), pointer.clientX, pointer.clientY);
  });
  source.selected.properties.indices.change.connect(() => {
    const hit = source.selected.indices;
    if (!hit.length) return;
    source.selected.indices = [];
    hideTip();
    openDrawer(all[hit[hit.length - 1]].number, frontBox);
  });
}
frontBox.addEventListener("keydown", (event) => {
  if (!front || !front.walk.length || event.target !== frontBox) return;
  const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
  if (step) {
    event.preventDefault();
    const count = front.walk.length;
    front.at = front.at < 0 ? (step > 0 ? 0 : count - 1) : (front.at + step + count) % count;
    const one = front.walk[front.at];
    const place = frontBox.getBoundingClientRect(), frame = front.view.frame;
    const lines = tipLines(one);
    showTip(lines, place.left + frame.x_scale.compute(one.x), place.top + frame.y_scale.compute(one.y));
    byId("front-said").textContent = lines.map((line) => line.textContent).join("; ");
  } else if (event.key === "Enter" && front.at >= 0) {
    hideTip();
    openDrawer(front.walk[front.at].number, frontBox);
  } else if (event.key === "Escape") hideTip();
});
frontBox.addEventListener("blur", hideTip);
function showLegend(colours) {
  const shown = colours.names.length > 8 ? [...colours.names.slice(0, 7), null] : colours.names;
  byId("legend").replaceChildren(...shown.map((name) => {
    const item = make("span"), dot = make("i");
    dot.style.background = name === null ? colour("--c7") : colours.at(name);
    item.append(dot, name === null ? `${colours.names.length - 7} others` : name);
    return item;
  }));
}
for (const id of ["x-axis", "y-axis", "x-log", "y-log", "colour"]) byId(id).addEventListener("change", drawFront);
