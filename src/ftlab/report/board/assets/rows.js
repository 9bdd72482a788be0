// Row by row: two models on the same test rows.
const side = data.side && data.side.texts.length ? data.side : null;
const AT_ONCE = 8;
let shownRows = AT_ONCE;
const picks = side ? [byId("first"), byId("second")] : [];

function fillPicks() {
  picks.forEach((pick, number) => {
    side.rows.forEach((row, place) => {
      const option = make("option", data.rows[row].key);
      option.value = place;
      pick.append(option);
    });
    pick.value = String(Math.min(number, side.rows.length - 1));
    pick.addEventListener("change", () => { shownRows = AT_ONCE; showSide(); });
  });
}
function differing(a, b) {
  return side.texts.filter((one) => (side.labelled ? one.said[a] !== one.said[b] : one.said[a] !== null || one.said[b] !== null));
}
function showSide() {
  const [a, b] = picks.map((pick) => Number(pick.value));
  const held = differing(a, b);
  byId("pair").textContent = pairSaid(a, b, held.length);
  byId("texts").replaceChildren(...held.slice(0, shownRows).map((one) => readable(one, a, b)));
  byId("show-more").hidden = held.length <= shownRows;
}
function pairSaid(a, b, held) {
  if (a === b) return "Choose two different models.";
  if (!side.labelled) return `The first ${held} answered rows.`;
  const pair = side.pairs.find((one) => (one[0] === a && one[1] === b) || (one[0] === b && one[1] === a));
  const [, , rows, differ, one, two] = pair, [ours, theirs] = pair[0] === a ? [one, two] : [two, one];
  const names = [a, b].map((place) => data.rows[side.rows[place]].key);
  const many = (value) => value.toLocaleString("en-US");
  const kept = held < differ ? ` ${many(held)} of these are kept here.` : "";
  return `They differ on ${many(differ)} of ${many(rows)} rows: ${names[0]} is right on ${many(ours)}, ${names[1]} on ${many(theirs)}, neither on ${many(differ - ours - theirs)}.${kept}`;
}
function readable(one, a, b) {
  const made = make("article", null, "read"), list = make("dl");
  made.append(make("p", one.text === null ? `Row ${one.id} (its text was not kept)` : one.text));
  const add = (name, text, kind) => {
    const box = make("div");
    box.append(make("dt", name), make("dd", text === null ? "no answer" : text, kind));
    list.append(box);
  };
  add(side.labelled ? "true label" : "reference", one.expected);
  for (const place of [a, b]) {
    const sure = one.sure.length ? ` (${Math.round(100 * one.sure[place])}%)` : "";
    const kind = side.labelled ? (one.said[place] === one.expected ? "yes" : "no") : "";
    const mark = kind ? (kind === "yes" ? "✓ " : "✗ ") : "";
    add(data.rows[side.rows[place]].key, one.said[place] === null ? null : `${mark}${one.said[place]}${sure}`, kind);
  }
  made.append(list);
  return made;
}
function readRows(place, other) {
  picks[0].value = String(place);
  picks[1].value = String(other);
  shownRows = AT_ONCE;
  showSide();
  byId("rows").scrollIntoView();
  picks[0].focus({ preventScroll: true });
}
if (side) {
  fillPicks();
  byId("show-more").addEventListener("click", () => { shownRows *= 3; showSide(); });
  showSide();
}
