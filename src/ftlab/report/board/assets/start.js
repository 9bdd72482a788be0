// Charts are drawn once the page stands, and again when the theme or the width changes.
Bokeh.set_log_level("error");
const drawAll = () => Promise.all([drawFront(), plan ? drawMoney() : null]);
repaint.push(drawAll);
let drawnWidth = innerWidth, waiting = 0;
addEventListener("resize", () => {
  if (innerWidth === drawnWidth) return;
  drawnWidth = innerWidth;
  clearTimeout(waiting);
  waiting = setTimeout(drawAll, 200);
});
drawAll().then(() => { root.dataset.ready = "true"; });
