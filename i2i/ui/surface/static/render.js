/** Drawing on canvases: strokes at the resolution of the image, everything else at that of the screen. */
import { centre, corners, distance, toScreen } from "./geometry.js";

const HANDLE = "#e62828";
const TARGET = "#2f6bff";
const FONT = '600 12px system-ui, "Segoe UI", Roboto, sans-serif';

export function makeCanvas(width, height) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: Math.max(1, Math.round(width)), height: Math.max(1, Math.round(height)) });
  return canvas;
}

/** Strokes at image resolution. Only what is new is drawn, unless something drawn before is gone (undo). */
export class StrokeLayer {
  constructor(colour = null) {
    Object.assign(this, { colour, canvas: makeCanvas(1, 1), base: null, drawn: [], points: 0 });
  }

  /** Show these strokes over the base image; returns the canvas. */
  sync({ width, height }, strokes, base = null) {
    const same =
      this.canvas.width === width &&
      this.canvas.height === height &&
      base === this.base &&
      this.drawn.length <= strokes.length &&
      this.drawn.every((stroke, index) => stroke === strokes[index]);
    if (!same) {
      Object.assign(this.canvas, { width, height }); // clears it as well
      Object.assign(this, { base, drawn: [], points: 0 });
      if (base) this.canvas.getContext("2d").drawImage(base, 0, 0, width, height);
    }
    if (this.drawn.length) this.draw(this.drawn.at(-1), this.points);
    for (const stroke of strokes.slice(this.drawn.length)) this.draw(stroke, 0);
    this.drawn = [...strokes];
    this.points = strokes.at(-1)?.points.length ?? 0; // the last stroke may still grow
    return this.canvas;
  }

  draw({ points, size, erase, colour }, from) {
    if (from >= points.length) return;
    const context = this.canvas.getContext("2d");
    context.globalCompositeOperation = erase ? "destination-out" : "source-over";
    Object.assign(context, {
      lineWidth: size,
      lineCap: "round",
      lineJoin: "round",
      strokeStyle: this.colour ?? colour,
    });
    context.beginPath();
    context.moveTo(...points[Math.max(from - 1, 0)]);
    for (const point of points.slice(Math.max(from, 0))) context.lineTo(...point);
    context.stroke();
  }
}

/** What lies under the points: image, rectangles, strokes, mask, and the image before. */
export class Painting {
  constructor(palette, background) {
    Object.assign(this, { palette, background, mask: new StrokeLayer("#ffffff"), pen: new StrokeLayer() });
    Object.assign(this, { veil: makeCanvas(1, 1), hatching: null, ratio: 0 });
  }

  /** Paint at the resolution of the screen, `ratio` pixels of the canvas to one of CSS. */
  paint(context, model, { image, before, divider }, ratio) {
    const { view, size } = model;
    const scale = view.scale * ratio;
    const transform = [scale, 0, 0, scale, view.x * ratio, view.y * ratio];
    context.setTransform(...transform);
    context.imageSmoothingEnabled = scale < 3; // single pixels are shown as squares
    context.imageSmoothingQuality = "medium";
    if (!image || this.background) {
      context.fillStyle = this.background ?? "#ffffff";
      context.fillRect(0, 0, size.width, size.height);
    }
    if (image) context.drawImage(image, 0, 0, size.width, size.height);
    this.paintDrawing(context, model);
    if (!model.maskEmpty) this.paintVeil(context, model, transform, ratio);
    if (!before) return;
    context.save();
    context.beginPath();
    context.rect(0, 0, divider * size.width, size.height);
    context.clip();
    context.drawImage(before, 0, 0, size.width, size.height);
    context.restore();
  }

  /** Rectangles, and strokes over them. */
  paintDrawing(context, { size, state }) {
    for (const { x, y, width, height, kind } of state.rectangles) {
      context.fillStyle = this.palette[kind] ?? "#808080";
      context.fillRect(x, y, width, height);
    }
    context.drawImage(this.pen.sync(size, state.penStrokes), 0, 0);
  }

  /** White where the image may move. */
  paintMask(context, { size, state }) {
    context.drawImage(this.mask.sync(size, state.maskStrokes, state.maskBase), 0, 0);
  }

  /** Hatch what is kept; the hatching is seen on dark and on light images, and does not zoom with them. */
  paintVeil(context, model, transform, ratio) {
    const { canvas } = context;
    Object.assign(this.veil, { width: canvas.width, height: canvas.height });
    const layer = this.veil.getContext("2d");
    if (this.ratio !== ratio) Object.assign(this, { ratio, hatching: hatch(layer, ratio) });
    const [scale, , , , x, y] = transform;
    layer.fillStyle = this.hatching;
    layer.fillRect(x, y, model.size.width * scale, model.size.height * scale);
    layer.setTransform(...transform);
    layer.imageSmoothingEnabled = context.imageSmoothingEnabled;
    layer.globalCompositeOperation = "destination-out";
    this.paintMask(layer, model);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(this.veil, 0, 0);
    context.setTransform(...transform);
  }
}

function hatch(context, ratio) {
  const tile = makeCanvas(10 * ratio, 10 * ratio);
  const brush = tile.getContext("2d");
  brush.fillStyle = "rgb(22 30 52 / .55)";
  brush.fillRect(0, 0, tile.width, tile.height);
  Object.assign(brush, { strokeStyle: "rgb(200 215 255 / .28)", lineWidth: 1.5 * ratio });
  for (const shift of [-tile.width, 0, tile.width]) {
    brush.moveTo(shift, tile.height);
    brush.lineTo(shift + tile.width, 0);
  }
  brush.stroke();
  return context.createPattern(tile, "repeat");
}

/** A line with a dark casing, legible on any image. */
function casedLine(context, points, colour, width, dash = []) {
  for (const [style, extra] of [
    ["rgb(0 0 0 / .65)", 2],
    [colour, 0],
  ]) {
    Object.assign(context, { strokeStyle: style, lineWidth: width + extra, lineCap: "round", lineJoin: "round" });
    context.setLineDash(dash);
    context.beginPath();
    context.moveTo(...points[0]);
    for (const point of points.slice(1)) context.lineTo(...point);
    context.stroke();
  }
  context.setLineDash([]);
}

/** An arrow; its head leaves a gap for what is drawn at the end, and is left out where there is no room for it. */
function drawArrow(context, start, end, colour, width, { gap = 0, dash = [] } = {}) {
  const length = distance(start, end);
  casedLine(context, [start, end], colour, width, dash);
  if (length < 2 * gap + 8) return;
  const [ux, uy] = [(end[0] - start[0]) / length, (end[1] - start[1]) / length];
  const tip = [end[0] - ux * gap, end[1] - uy * gap];
  const head = Math.min(9, (length - 2 * gap) * 0.6);
  const side = (sign) => [tip[0] - ux * head - sign * uy * head * 0.6, tip[1] - uy * head + sign * ux * head * 0.6];
  casedLine(context, [side(1), tip, side(-1)], colour, width);
}

function disc(context, [x, y], radius, fill, ring, width = 2) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  Object.assign(context, { strokeStyle: "rgb(0 0 0 / .7)", lineWidth: width + 2 });
  context.stroke();
  if (fill) {
    context.fillStyle = fill;
    context.fill();
  }
  Object.assign(context, { strokeStyle: ring, lineWidth: width });
  context.stroke();
}

/** Text on a dark pill, kept within the box. */
function pill(context, text, [x, y], box) {
  context.font = FONT;
  const width = context.measureText(text).width + 12;
  const [left, top] = [Math.min(Math.max(x, 2), box.width - width - 2), Math.min(Math.max(y - 10, 2), box.height - 22)];
  context.fillStyle = "rgb(15 18 26 / .82)";
  context.beginPath();
  context.roundRect(left, top, width, 20, 10);
  context.fill();
  Object.assign(context, { fillStyle: "#ffffff", textAlign: "left", textBaseline: "middle" });
  context.fillText(text, left + 6, top + 10.5);
}

/** Draw what lies over the image: points, landmarks, boxes, the cursor and the before/after slider. */
export function drawOverlay(context, model, { hover, numbers, before, divider, accent }) {
  const { view, state, selected, box, size, tool } = model;
  const at = (point) => toScreen(view, point);
  const inside = ([x, y]) => x >= 0 && y >= 0 && x <= box.width && y <= box.height;
  const onPixel = (point) => at(centre(point));

  if (tool === "rectangle") {
    for (const item of state.rectangles) {
      const [nw, ne, se, sw] = Object.values(corners(item)).map(at);
      const chosen = item.id === selected?.id;
      if (chosen) casedLine(context, [nw, ne, se, sw, nw], "#ffffff", 2);
      if (chosen) for (const corner of [nw, ne, se, sw]) disc(context, corner, 5, "#ffffff", accent);
      if (chosen) pill(context, `${item.kind ?? ""} ${item.width} x ${item.height}`, [nw[0], nw[1] - 16], box);
    }
  }
  model.faces.forEach((face, index) => {
    const [nw, ne, se, sw] = Object.values(corners(face)).map(at);
    const chosen = index === model.chosen;
    casedLine(context, [nw, ne, se, sw, nw], chosen ? "#4cd964" : "#ffffff", chosen ? 4 : 2);
    pill(context, face.label ?? `face ${index + 1}${chosen ? " chosen" : ""}`, [nw[0], nw[1] - 14], box);
  });
  model.landmarks.forEach((point, index) => {
    const [x, y] = onPixel(point);
    disc(context, [x, y], 1.5, "#ffe14d", "#ffe14d", 1);
    if (!numbers) return;
    Object.assign(context, { font: "600 10px system-ui, sans-serif", textAlign: "left", textBaseline: "bottom" });
    Object.assign(context, { strokeStyle: "rgb(0 0 0 / .8)", lineWidth: 3, lineJoin: "round", fillStyle: "#ffe14d" });
    context.strokeText(index + 1, x + 3, y);
    context.fillText(index + 1, x + 3, y);
  });
  for (const { from, to } of model.arrows)
    drawArrow(context, onPixel(from), onPixel(to), "#ffd54a", 2, { dash: [6, 4] });

  state.points.forEach(({ id, handle, target }, index) => {
    const start = onPixel(handle);
    const pointer = !target && tool === "points" && hover;
    const end = target ? onPixel(target) : pointer ? at(hover) : null;
    if (end) drawArrow(context, start, end, "#ffffff", 2.5, { gap: target ? 11 : 0, dash: target ? [] : [5, 5] });
    const isSelected = (name) => selected?.id === id && selected.end === name;
    if (target) {
      disc(context, end, 8, TARGET, "#ffffff", 2);
      disc(context, end, 1, "#ffffff", "#ffffff", 1.5);
      if (isSelected("target")) disc(context, end, 13, null, "#ffffff", 1.5);
    }
    disc(context, start, 9, HANDLE, "#ffffff", 2);
    if (isSelected("handle")) disc(context, start, 13, null, "#ffffff", 1.5);
    Object.assign(context, { font: FONT, fillStyle: "#ffffff", textAlign: "center", textBaseline: "middle" });
    context.fillText(index + 1, start[0], start[1] + 0.5);
    if (!end || !inside(end)) return;
    const pixels = target ? distance(handle, target) : distance(centre(handle), hover);
    const side = end[0] >= start[0] ? 14 : -14; // away from the arrow
    const text = `${pixels.toFixed(pixels < 10 ? 1 : 0)} px`;
    context.font = FONT;
    pill(context, text, [side > 0 ? end[0] + side : end[0] + side - context.measureText(text).width - 12, end[1]], box);
  });

  if (before) {
    const [left, top] = at([divider * size.width, 0]);
    const bottom = at([0, size.height])[1];
    casedLine(
      context,
      [
        [left, top],
        [left, bottom],
      ],
      "#ffffff",
      2,
    );
    const grip = [left, Math.min(Math.max((top + bottom) / 2, 24), box.height - 24)];
    disc(context, grip, 14, "#ffffff", accent, 2);
    for (const sign of [-1, 1]) {
      Object.assign(context, { strokeStyle: "#1d2330", lineWidth: 2 });
      context.beginPath();
      [
        [3, -4],
        [7, 0],
        [3, 4],
      ].forEach(([dx, dy]) => context.lineTo(grip[0] + sign * dx, grip[1] + dy));
      context.stroke();
    }
    pill(context, "before", [left - 62, Math.max(top, 0) + 16], box);
    pill(context, "after", [left + 10, Math.max(top, 0) + 16], box);
  }
  const spot = model.cursor ?? hover;
  if (spot && (tool === "mask" || tool === "pen")) {
    const radius = Math.max(((tool === "pen" ? model.penSize : model.maskSize) * view.scale) / 2, 1.5);
    disc(context, at(spot), radius, null, "#ffffff", model.erase ? 2.5 : 1.5);
  }
  if (model.cursor) {
    const [x, y] = at(model.cursor);
    for (const [dx, dy] of [
      [1, 0],
      [-1, 0],
      [0, 1],
      [0, -1],
    ]) {
      casedLine(
        context,
        [
          [x + 5 * dx, y + 5 * dy],
          [x + 15 * dx, y + 15 * dy],
        ],
        "#ffffff",
        2,
      );
    }
  }
}
