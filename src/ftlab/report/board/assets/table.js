// The leaderboard: a click on a heading sorts, the box filters, candidates can be grouped. Buttons, so keys work too.
const board = byId("board");
const boardBody = board.tBodies[0];
const boardRows = [...boardBody.rows];
const searchable = new Map(boardRows.map((row) => {
  const one = data.rows[Number(row.dataset.row)];
  const words = [one.key, one.mark || "", ...Object.values(one.groups), ...Object.entries(one.differs || {}).map(([key, value]) => `${key}=${value}`)];
  return [row, words.join(" ").toLowerCase()];
}));
let sorting = null; // {column, up}

function cellValue(row, column, kind) {
  const value = row.cells[column].dataset.v;
  if (kind === "text") return value || "";
  return value === undefined || value === "" ? null : Number(value);
}
function sortedRows() {
  if (!sorting) return boardRows;
  const { column, up, kind } = sorting;
  const way = up ? 1 : -1;
  return boardRows.slice().sort((a, b) => {
    const [x, y] = [cellValue(a, column, kind), cellValue(b, column, kind)];
    if (x === null || y === null) return (x === null) - (y === null); // unknown last, whichever way
    if (kind === "text") return way * x.localeCompare(y, "en", { numeric: true });
    return way * (x - y);
  });
}
function showRows() {
  const words = byId("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const onlyFront = byId("only-front").checked;
  const group = byId("group").value;
  const kept = sortedRows().filter((row) => (!onlyFront || row.dataset.mark) && words.every((word) => searchable.get(row).includes(word)));
  let shown = kept;
  if (group) {
    const groups = new Map();
    for (const row of kept) groups.set(row.dataset[group], [...(groups.get(row.dataset[group]) || []), row]);
    shown = [...groups].flatMap(([name, rows]) => [groupHead(name, rows.length), ...rows]);
  }
  boardBody.replaceChildren(...shown);
  byId("shown").textContent = `${kept.length.toLocaleString("en-US")} of ${boardRows.length.toLocaleString("en-US")}`;
}
function groupHead(name, count) {
  const row = make("tr", null, "group"), head = make("th", `${name} (${count})`);
  head.colSpan = board.tHead.rows[0].cells.length;
  head.scope = "rowgroup";
  row.append(head);
  return row;
}
board.tHead.addEventListener("click", (event) => {
  const button = event.target.closest(".sort");
  if (!button) return;
  const head = button.closest("th"), column = head.cellIndex;
  const first = head.dataset.best !== "max"; // what is better comes first
  const up = sorting && sorting.column === column ? !sorting.up : first;
  sorting = { column, up, kind: head.dataset.kind };
  for (const other of board.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  showRows();
});
byId("filter").addEventListener("input", showRows);
byId("group").addEventListener("change", showRows);
byId("only-front").addEventListener("change", showRows);
if (byId("more")) byId("more").addEventListener("change", (event) => board.classList.toggle("all", event.target.checked));
boardBody.addEventListener("click", (event) => {
  const button = event.target.closest(".open");
  if (button) openDrawer(Number(button.dataset.row), button);
});
