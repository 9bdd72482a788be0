// The data of the page, and how its numbers are written. Text reaches the page as text only, never as markup.
const data = JSON.parse(document.getElementById("data").textContent);
const chartItems = JSON.parse(document.getElementById("charts").textContent);
const byId = (id) => document.getElementById(id);
const axisOf = (name) => data.axes.findIndex((axis) => axis.name === name);

function make(tag, text, kind) {
  const made = document.createElement(tag);
  if (text !== undefined && text !== null) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}
function short(value) { // three digits, no exponent
  if (value === 0) return "0";
  const decimals = Math.min(20, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)))));
  return value.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}
const usd = (value) => `$${short(value)}`;
function big(value) { // requests: 820, 38k, 1.2M
  for (const [size, letter] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (value >= size * 0.9995) return Number((value / size).toPrecision(2)) + letter;
  }
  return String(Number(value.toPrecision(2)));
}
function said(axis, value) {
  if (value === null || value === undefined) return "unknown";
  if (axis.kind === "usd") return usd(value);
  if (axis.kind === "score") return Math.abs(value) < 10 ? value.toFixed(3) : short(value);
  return short(value) + (axis.unit === "%" ? "%" : axis.unit ? ` ${axis.unit}` : "");
}
const between = (axis, ends) => `${said(axis, ends[0])} to ${said(axis, ends[1])}`;

// Colours go to the groups in the order of their size; the rest shares the last.
function coloursBy(group) {
  const counts = new Map();
  for (const row of data.rows) counts.set(row.groups[group], (counts.get(row.groups[group]) || 0) + 1);
  const names = [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a) || (a < b ? -1 : 1));
  const place = new Map(names.map((name, number) => [name, Math.min(number, 7)]));
  return { names, of: (row) => colour(`--c${place.get(row.groups[group])}`), at: (name) => colour(`--c${place.get(name)}`) };
}

// One tooltip for both charts.
const tip = make("div");
tip.id = "tip";
tip.hidden = true;
tip.setAttribute("role", "tooltip");
document.body.append(tip);
function showTip(lines, x, y) {
  tip.replaceChildren(...lines);
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const left = x + 16 + box.width > innerWidth ? x - 16 - box.width : x + 16;
  tip.style.left = `${Math.max(6, Math.min(left, innerWidth - box.width - 6))}px`;
  tip.style.top = `${Math.max(6, Math.min(y + 14, innerHeight - box.height - 6))}px`;
}
const hideTip = () => { tip.hidden = true; };

// Charts are made anew for each theme, scale and width: bokeh's documents hold stand-ins for the page's colours.
const STAND_INS = { "#010101": "--ink", "#020202": "--muted", "#030303": "--rule", "#040404": "--accent", "#050505": "--card" };
// One after the other: `holder.chart` is what stands there, null in between.
function drawChart(name, holder) {
  const next = () => embedChart(name, holder);
  holder.turn = (holder.turn || Promise.resolve()).then(next, next);
  return holder.turn;
}
async function embedChart(name, holder) {
  let text = JSON.stringify(chartItems[name]);
  for (const [hidden, shown] of Object.entries(STAND_INS)) text = text.replaceAll(hidden, colour(shown));
  const made = document.createElement("div");
  made.style.cssText = "width:100%;height:100%";
  if (holder.chart) {
    const { views, view } = holder.chart;
    Bokeh.documents.splice(Bokeh.documents.indexOf(view.model.document), 1);
    views.clear();
    holder.chart = null;
  }
  holder.replaceChildren(made);
  const views = await Bokeh.embed.embed_item(JSON.parse(text), made);
  const view = [...views].find((one) => one.model.type === "Figure");
  const named = (model) => view.model.document.get_model_by_name(model);
  holder.chart = { views, view, plot: view.model, named };
  return holder.chart;
}
function setRange(range, low, high) {
  range.setv({ start: low, end: high, reset_start: low, reset_end: high });
}
// The ends of a chart around values, with some room; of a log axis by factors.
function around(values, log, room) {
  const low = Math.min(...values), high = Math.max(...values);
  if (log) {
    const gap = Math.max(Math.log10(high / low), 0.2) * room;
    return [low / 10 ** gap, high * 10 ** gap];
  }
  const gap = Math.max(high - low, Math.abs(high) * 0.02, 1e-9) * room;
  return [low - gap, high + gap];
}
const measuring = document.createElement("canvas").getContext("2d");
function textWidth(text) {
  measuring.font = "12px system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
  return measuring.measureText(text).width;
}
// Names beside points, each where it hides nothing, or not at all. `wanted`: {x, y, text, color} in screen units, first
// come first served; one that `must` be named hides what it has to. `taken`: boxes that should stay free.
function placeNames(wanted, taken, width, height) {
  const boxes = taken.slice();
  const placed = [];
  for (const one of wanted) {
    const wide = textWidth(one.text) + 2, half = 8;
    const tries = [[12, -13], [12, 13], [-12 - wide, -13], [-12 - wide, 13], [13, 0], [-13 - wide, 0], [-wide / 2, -20], [-wide / 2, 20]];
    const fits = (forced) => tries.some(([dx, dy]) => {
      const box = [one.sx + dx, one.sy + dy - half, one.sx + dx + wide, one.sy + dy + half];
      const inside = box[0] >= 0 && box[2] <= width && box[1] >= 0 && box[3] <= height;
      if (!inside || (!forced && boxes.some((other) => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3]))) return false;
      boxes.push(box);
      placed.push({ ...one, dx, dy: -dy });
      return true;
    });
    if (!fits(false) && one.must) fits(true);
  }
  return placed;
}
function columnsOf(rows, names) {
  return Object.fromEntries(names.map((name) => [name, rows.map((row) => row[name])]));
}
