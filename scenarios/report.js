// A cursor through all figures that share the time axis, with the values under it. The page reads well without it.
(() => {
  const data = JSON.parse(document.getElementById("values").textContent);
  const figures = [...document.querySelectorAll("figure.time")];
  const readout = document.getElementById("readout");
  if (!data.hours.length || !figures.length) return;
  const cursors = figures.map((figure) => figure.appendChild(Object.assign(document.createElement("div"), { className: "cursor" })));
  const cells = ["Time", ...data.signals.map((signal) => signal.label)].map((label) => {
    const span = readout.appendChild(document.createElement("span"));
    span.appendChild(Object.assign(document.createElement("b"), { textContent: label }));
    return span.appendChild(document.createElement("i"));
  });
  cells.forEach((cell) => { cell.style.fontStyle = "normal"; });
  const nearest = (hours) => {
    let low = 0, high = data.hours.length - 1;
    while (low < high) { const middle = (low + high) >> 1; if (data.hours[middle] < hours) low = middle + 1; else high = middle; }
    return low > 0 && hours - data.hours[low - 1] < data.hours[low] - hours ? low - 1 : low;
  };
  const show = (visible) => {
    cursors.forEach((cursor) => { cursor.style.display = visible ? "block" : "none"; });
    readout.style.display = visible ? "flex" : "none";
  };
  figures.forEach((figure) => {
    figure.addEventListener("pointerleave", () => show(false));
    figure.addEventListener("pointermove", (event) => {
      const box = figure.getBoundingClientRect();
      const place = (event.clientX - box.left) / box.width;
      const part = (place - data.left) / (data.right - data.left);
      if (part < 0 || part > 1) return show(false);
      const hours = data.span[0] + part * (data.span[1] - data.span[0]);
      const row = nearest(hours);
      cursors.forEach((cursor) => { cursor.style.left = `${100 * place}%`; });
      cells[0].textContent = `${hours.toFixed(2)} h`;
      data.signals.forEach((signal, n) => {
        const value = signal.values[row];
        cells[n + 1].textContent = value === null ? "-" : `${value} ${signal.unit}`;
      });
      show(true);
    });
  });
})();
