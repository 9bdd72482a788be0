// Break-even: what each candidate costs over some months, by requests a month; who is the cheapest at each volume.
const moneyBox = byId("money");
const plan = data.money;
// The first axis is the main metric: who has none may be cheap, but is marked.
const priced = (line) => { const row = data.rows[line.row]; return row.values[0] === null ? `${row.key} (${data.axes[0].name} unknown)` : row.key; };
const spend = (line, volume) => line.training + line.request * volume * plan.months;
let cursor = null;

function volumes() { // the ends of the chart: a decade or more around every change
  const turns = plan.segments.map((one) => one.low).filter((low) => low > 0);
  const low = turns.length ? Math.min(...turns) / 30 : 100;
  const high = Math.max(plan.to * 3, low * 1000);
  return [10 ** Math.floor(Math.log10(Math.max(low, 1))), 10 ** Math.ceil(Math.log10(high))];
}
function spread(low, high, count) {
  return Array.from({ length: count }, (_, number) => low * (high / low) ** (number / (count - 1)));
}
const lineColour = (number) => colour(`--c${Math.min(number, 7)}`);

async function drawMoney() {
  const [low, high] = volumes();
  const grid = spread(low, high, 120);
  const turn = (drawMoney.turn = (drawMoney.turn || 0) + 1);
  const { view, plot, named } = await drawChart("money", moneyBox);
  if (turn !== drawMoney.turn) return;
  const colours = new Map(plan.lines.map((line, number) => [line.row, lineColour(number)]));
  const curves = plan.lines.map((line) => ({ line, xs: grid, ys: grid.map((volume) => spend(line, volume)), color: colours.get(line.row), width: 1.8, alpha: 0.75 }))
    .map((one) => ({ ...one, ys: one.ys.map((value) => (value > 0 ? value : NaN)) }));
  const known = curves.flatMap((one) => one.ys).filter((value) => value > 0);
  if (!known.length) return;
  const [bottom, top] = around(known, true, 0.04);
  setRange(plot.x_range, low, high);
  setRange(plot.y_range, bottom, top);
  plot.below[0].axis_label.text = "requests a month";
  plot.left[0].axis_label.text = `total cost over ${plan.months} months ($)`;
  named("curves").data = columnsOf(curves, ["xs", "ys", "color", "width", "alpha"]);
  const best = plan.segments.map((one) => {
    const line = plan.lines.find((other) => other.row === one.row);
    const xs = spread(Math.max(one.low, low), Math.min(one.high === null ? high : one.high, high), 60);
    return line ? { xs, ys: xs.map((volume) => spend(line, volume) || NaN), color: colours.get(one.row), line } : null;
  }).filter(Boolean);
  named("cheapest").data = columnsOf(best, ["xs", "ys", "color"]);
  const turns = plan.segments.filter((one) => one.low > low && one.low < high).map((one) => ({ x: one.low, y: spend(plan.lines.find((line) => line.row === one.row), one.low) }));
  named("turns").data = columnsOf(turns, ["x", "y"]);
  named("breaks").data = columnsOf(turns.map((one) => ({ x0: one.x, x1: one.x, y0: bottom, y1: top })), ["x0", "y0", "x1", "y1"]);
  nameMoney(named, view, curves, turns, bottom);
  cursor = { span: named("cursor"), view, low, high };
  ask();
}
function nameMoney(named, view, curves, turns, bottom) {
  const frame = view.frame;
  const screen = (x, y) => ({ sx: frame.x_scale.compute(x) - frame.bbox.left, sy: frame.y_scale.compute(y) - frame.bbox.top });
  const marks = turns.map((one) => ({ x: one.x, y: bottom, ...screen(one.x, bottom), text: big(one.x), color: colour("--ink") }))
    .map((one) => ({ ...one, dx: 5, dy: 12 }));
  named("volumes").data = columnsOf(marks, ["x", "y", "text", "dx", "dy", "color"]);
  const taken = marks.map((one) => [one.sx, one.sy - 22, one.sx + 40, one.sy]);
  const wanted = curves.map((one, number) => {
    const at = Math.round(one.xs.length * [0.12, 0.3, 0.5, 0.7][number % 4]);
    const y = one.ys[at];
    const text = data.rows[one.line.row].key;
    return { x: one.xs[at], y, ...screen(one.xs[at], y), text: text.length > 30 ? `${text.slice(0, 29)}…` : text, color: one.color };
  }).filter((one) => one.y > 0);
  named("names").data = columnsOf(placeNames(wanted, taken, frame.bbox.width, frame.bbox.height), ["x", "y", "text", "dx", "dy", "color"]);
}
function volumeNow() {
  const { low, high } = cursor;
  return low * (high / low) ** (Number(byId("volume").value) / 1000);
}
function costsAt(volume) {
  return plan.lines.map((line) => ({ line, cost: spend(line, volume) })).sort((a, b) => a.cost - b.cost);
}
function ask() {
  if (!cursor) return;
  const volume = volumeNow(), costs = costsAt(volume);
  cursor.span.location = volume;
  byId("volume").setAttribute("aria-valuetext", `${big(volume)} requests a month`);
  const parts = [make("b", `At ${big(volume)} a month:`)];
  costs.slice(0, 4).forEach(({ line, cost }, number) => parts.push(make(number ? "span" : "b", `${priced(line)} ${usd(cost)}${number ? "" : " (cheapest)"}`)));
  byId("costs").replaceChildren(...parts);
}
if (plan) {
  byId("volume").addEventListener("input", ask);
  moneyBox.addEventListener("pointermove", (event) => {
    if (!cursor) return;
    const place = moneyBox.getBoundingClientRect(), frame = cursor.view.frame;
    const sx = event.clientX - place.left;
    if (sx < frame.bbox.left || sx > frame.bbox.right) return hideTip();
    const volume = frame.x_scale.invert(sx);
    if (!(volume > 0)) return hideTip();
    const lines = [make("b", `${big(volume)} requests a month`)];
    for (const { line, cost } of costsAt(volume).slice(0, 8)) lines.push(make("span", `${usd(cost)}  ${priced(line)}`));
    showTip(lines, event.clientX, event.clientY);
  }, true);
  moneyBox.addEventListener("pointerleave", hideTip);
}
