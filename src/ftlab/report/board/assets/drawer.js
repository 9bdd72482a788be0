// The drawer of one candidate: its numbers and settings from the data, and what its template holds.
const drawer = byId("drawer");
let opener = null;
const IN_DRAWER = 3;

function part(title, ...inside) {
  const made = make("section");
  made.append(make("h3", title), ...inside);
  return made;
}
function tableOf(head, rows, kind) {
  const made = make("table", null, `plain${kind ? ` ${kind}` : ""}`);
  const top = made.createTHead().insertRow();
  for (const name of head) {
    const cell = make("th", name);
    cell.scope = "col";
    top.append(cell);
  }
  const body = made.createTBody();
  for (const [first, ...rest] of rows) {
    const row = body.insertRow(), name = make("th", first);
    name.scope = "row";
    row.append(name, ...rest.map((value) => make("td", value)));
  }
  const holder = make("div", null, "scroll");
  holder.append(made);
  return holder;
}
function numbersOf(row) {
  const chosen = data.rows.find((one) => one.mark === "choice");
  const other = chosen && chosen !== row ? chosen : null;
  const head = ["", "value", "95%", ...(row.spread ? ["± seeds"] : []), ...(row.before ? ["untrained"] : []), ...(other ? ["the choice"] : [])];
  const rows = data.axes.map((axis, number) => [number, axis]).filter(([number]) => row.values[number] !== null).map(([number, axis]) => {
    const ends = row.ends && row.ends[number], sd = row.spread && row.spread[number], before = row.before && row.before[number];
    return [axis.label, said(axis, row.values[number]), ends ? between(axis, ends) : "-",
      ...(row.spread ? [sd === undefined ? "-" : said(axis, sd)] : []),
      ...(row.before ? [before === undefined ? "-" : said(axis, before)] : []),
      ...(other ? [said(axis, other.values[number])] : [])];
  });
  return part("Numbers", tableOf(head, rows));
}
function settingsOf(row) {
  const chosen = data.rows.find((one) => one.mark === "choice");
  const other = chosen && chosen !== row ? chosen : null;
  const mine = { ...row.groups, ...(row.differs || {}) }, theirs = other ? { ...other.groups, ...(other.differs || {}) } : null;
  const rows = Object.entries(mine).map(([key, value]) => [key, value, ...(theirs ? [theirs[key] === value ? "the same" : theirs[key] || "-"] : [])]);
  return part("What differs", tableOf(["setting", "here", ...(theirs ? ["the choice"] : [])], rows, "words"));
}
// A few of its rows beside what the choice (of the choice: the next best) says of them.
function sideOf(number, place) {
  if (!side || side.rows.length < 2) return [];
  const chosen = side.rows.findIndex((row) => data.rows[row].mark === "choice");
  const other = chosen >= 0 && chosen !== place ? chosen : place ? 0 : 1;
  const held = differing(place, other), key = data.rows[side.rows[other]].key;
  const title = side.labelled ? `Where it differs from ${key}` : `What it wrote, beside ${key}`;
  const rows = held.slice(0, IN_DRAWER).map((one) => readable(one, place, other));
  if (!rows.length) rows.push(make("p", side.labelled ? "None of the rows kept here." : "No row that is kept here was answered.", "note"));
  const go = make("button", "Read more rows against any model", "quiet");
  go.type = "button";
  go.addEventListener("click", () => { drawer.close(); readRows(place, other); });
  return [part(title, ...rows, go)];
}
function openDrawer(number, from) {
  const row = data.rows[number], body = byId("drawer-body"), held = byId(`drawer-${number}`);
  byId("drawer-title").textContent = row.key;
  const facts = make("p", null, "note");
  facts.append([row.mark, row.out ? "breaks a constraint" : null, row.seeds ? `${row.seeds} seeds` : null, row.priced ? `priced: ${row.priced}` : null].filter(Boolean).join(" · "), row.mark || row.out || row.seeds || row.priced ? " · " : "");
  if (row.link) {
    const link = make("a", "run folder");
    link.href = row.link;
    facts.append(link);
  }
  body.replaceChildren(facts);
  const place = data.side ? data.side.rows.indexOf(number) : -1;
  body.append(numbersOf(row), settingsOf(row));
  if (place >= 0) body.append(...sideOf(number, place));
  if (held) body.append(held.content.cloneNode(true));
  else body.append(make("p", "Rows, labels and times of this one are not kept on the page; its run folder has them.", "note"));
  opener = from;
  drawer.showModal();
  drawer.scrollTop = 0;
  byId("drawer-title").focus();
}
byId("close").addEventListener("click", () => drawer.close());
drawer.addEventListener("click", (event) => { if (event.target === drawer) drawer.close(); });
drawer.addEventListener("close", () => { if (opener) opener.focus({ preventScroll: true }); });
