/** What is drawn on an image, and how the image is seen: state, tools and history, without a DOM. */
import {
  OPPOSITE,
  add,
  centre,
  clamp,
  constrain,
  corners,
  describe,
  distance,
  fit,
  inside,
  middle,
  spanRectangle,
  toImage,
  zoomAt,
} from "./geometry.js";

export const TOOLS = ["pan", "points", "mask", "rectangle", "pen", "choose"];
const EMPTY = Object.freeze({ points: [], maskBase: null, maskStrokes: [], rectangles: [], penStrokes: [] });
/** Parts of the state that a tool draws. */
const DRAWS = { points: ["points"], mask: ["maskBase", "maskStrokes"], rectangle: ["rectangles"], pen: ["penStrokes"] };
const UNDO_LIMIT = 200;
const ZOOM_LIMIT = 40; // screen px per image px

const same = (a, b) => Object.keys(EMPTY).every((key) => a[key] === b[key]);
export class Model {
  /**
   * @param {(keys: string[]) => void} changed called with keys of the state, "view", "selection" or "chosen"
   * @param {(text: string) => void} say called with what happened, in words
   */
  constructor({ changed = () => {}, say = () => {} } = {}) {
    Object.assign(this, { changed, say, size: { width: 1, height: 1 }, box: { width: 1, height: 1 } });
    Object.assign(this, { view: { scale: 1, x: 0, y: 0 }, fitted: true, tool: "points", erase: false });
    Object.assign(this, { maskSize: 32, penSize: 3, penColour: "#000000", kind: null });
    Object.assign(this, { faces: [], chosen: null, landmarks: [], arrows: [] });
    this.nextId = 1;
    this.forget();
  }

  /** Drop everything drawn, and the history. */
  forget() {
    Object.assign(this, { state: EMPTY, past: [], future: [], selected: null, cursor: null, gesture: null });
  }

  // The view

  /** Take the size of a new image; another size than before forgets what was drawn on the last one. */
  setSize(width, height) {
    if (width === this.size.width && height === this.size.height) return false;
    this.size = { width, height };
    this.maskSize = Math.max(1, Math.round(Math.max(width, height) / 12));
    this.show(EMPTY);
    this.forget();
    this.fitView();
    return true;
  }

  setBox(width, height) {
    const from = this.box;
    this.box = { width, height };
    if (this.fitted) this.fitView();
    else
      this.setView({
        ...this.view,
        x: this.view.x + (width - from.width) / 2,
        y: this.view.y + (height - from.height) / 2,
      });
  }

  setView(view) {
    this.fitted = false;
    this.view = constrain(view, this.size, this.box);
    this.changed(["view"]);
  }

  fitView() {
    this.view = fit(this.size, this.box);
    this.fitted = true;
    this.changed(["view"]);
  }

  /** Limit a scale: from half of the fitted one to huge pixels. */
  limit(scale) {
    return clamp(scale, Math.min(fit(this.size, this.box).scale / 2, 1), ZOOM_LIMIT);
  }

  /** Zoom around a point of the screen, by default the middle. */
  zoom(factor, point = [this.box.width / 2, this.box.height / 2]) {
    this.setView(zoomAt(this.view, this.limit(this.view.scale * factor) / this.view.scale, point));
  }

  /** Zoom and move as two fingers do, from one pair of screen points to another. */
  pinch(before, after) {
    const [from, to] = [middle(...before), middle(...after)];
    this.zoom(distance(...after) / Math.max(distance(...before), 1), from);
    this.pan(to[0] - from[0], to[1] - from[1]);
  }

  pan(dx, dy) {
    this.setView({ ...this.view, x: this.view.x + dx, y: this.view.y + dy });
  }

  // State and history: states are immutable and share what did not change, so undo keeps references only.

  /** Replace parts of the state; with record, as a step that undo takes back. */
  apply(change, { record = true } = {}) {
    if (record) this.remember(this.state);
    this.show({ ...this.state, ...change });
  }

  remember(state) {
    this.past.push(state);
    if (this.past.length > UNDO_LIMIT) this.past.shift();
    this.future = [];
  }

  show(state) {
    const keys = Object.keys(EMPTY).filter((key) => state[key] !== this.state[key]);
    this.state = state;
    const alive = [...state.points, ...state.rectangles].some((item) => item.id === this.selected?.id);
    if (!alive) this.selected = null;
    if (keys.length) this.changed(keys);
  }

  undo() {
    return this.travel(this.past, this.future, "Undone.");
  }

  redo() {
    return this.travel(this.future, this.past, "Redone.");
  }

  travel(from, to, text) {
    this.cancel();
    if (!from.length) return false;
    to.push(this.state);
    this.show(from.pop());
    this.say(text);
    return true;
  }

  /** Remove everything drawn, or what one tool draws; undo brings it back. */
  clear(tool = null) {
    this.cancel();
    if (this.isClear(tool)) return;
    this.apply(Object.fromEntries((DRAWS[tool] ?? Object.keys(EMPTY)).map((key) => [key, EMPTY[key]])));
    this.say("Cleared.");
  }

  isClear(tool = null) {
    return (DRAWS[tool] ?? Object.keys(EMPTY)).every((key) => !(this.state[key]?.length ?? this.state[key]));
  }

  get maskEmpty() {
    return this.isClear("mask");
  }

  // Points

  /** Column and row of the pixel under a position, within the image. */
  pixel([x, y]) {
    return [clamp(Math.floor(x), 0, this.size.width - 1), clamp(Math.floor(y), 0, this.size.height - 1)];
  }

  /** The pair whose target is still to be set. */
  get pending() {
    return this.state.points.find((pair) => !pair.target) ?? null;
  }

  /** Show other points, such as those of a preset; an item is {handle, target}, with an id to track it by. */
  setPoints(pairs, options) {
    this.cancel();
    this.nextId = Math.max(this.nextId, ...pairs.map(({ id = 0 }) => id + 1));
    this.apply(
      { points: pairs.map(({ id = this.nextId++, handle, target = null }) => ({ id, handle, target })) },
      options,
    );
  }

  /** Follow handles {id: [x, y]} while the image moves, in the history too, so that undo never moves them back. */
  trackHandles(handles) {
    const moved = new Map(); // states share arrays, and still do afterwards
    const move = (pair) => (handles[pair.id] ? { ...pair, handle: handles[pair.id] } : pair);
    const follow = (state) => {
      if (!moved.has(state.points)) moved.set(state.points, state.points.map(move));
      return { ...state, points: moved.get(state.points) };
    };
    const { gesture } = this;
    this.past = this.past.map(follow);
    this.future = this.future.map(follow);
    if (gesture) gesture.before = follow(gesture.before);
    const held = gesture?.type === "point" && gesture.end === "handle" && gesture.moved;
    if (!held) this.show(follow(this.state)); // what the hand drags stays under it
  }

  /** Place a handle, or the target of the last handle; returns what was placed as {id, end}. */
  placePoint(position) {
    const [pixel, pending] = [this.pixel(position), this.pending];
    const placed = pending ? { id: pending.id, end: "target" } : { id: this.nextId++, end: "handle" };
    const points = pending
      ? this.state.points.map((pair) => (pair === pending ? { ...pair, target: pixel } : pair))
      : [...this.state.points, { id: placed.id, handle: pixel, target: null }];
    this.show({ ...this.state, points });
    this.select(placed);
    return placed;
  }

  /** What a selection is called: "handle 2", "rectangle 1". */
  name({ id, end }) {
    const list = end ? this.state.points : this.state.rectangles;
    return `${end ?? "rectangle"} ${list.findIndex((item) => item.id === id) + 1}`;
  }

  hitPoint(position, radius) {
    const ends = this.state.points.flatMap((pair) =>
      ["target", "handle"]
        .filter((end) => pair[end])
        .map((end) => ({ id: pair.id, end, at: distance(centre(pair[end]), position) })),
    );
    const nearest = ends.reduce((best, item) => (best && best.at <= item.at ? best : item), null);
    return nearest && nearest.at <= radius ? { id: nearest.id, end: nearest.end } : null;
  }

  movePoint({ id, end }, position) {
    const pixel = this.pixel(position);
    this.show({
      ...this.state,
      points: this.state.points.map((pair) => (pair.id === id ? { ...pair, [end]: pixel } : pair)),
    });
  }

  // Selection: {id, end} of a point, {id} of a rectangle

  select(selected) {
    this.selected = selected;
    this.changed(["selection"]);
  }

  removeSelected() {
    if (!this.selected) return false;
    const [{ id, end }, name] = [this.selected, this.name(this.selected)];
    this.cancel(); // a long press; this selects what was selected before it
    this.select(null);
    const key = end ? "points" : "rectangles";
    this.apply({ [key]: this.state[key].filter((item) => item.id !== id) });
    this.say(end ? `${name.replace("target", "handle")} removed, with its target` : `${name} removed`);
    return true;
  }

  /** Move the selected point or rectangle by whole pixels; the steps of one run of keys are one step of undo. */
  nudge(dx, dy) {
    const { id, end } = this.selected;
    const repeated = this.nudged?.state === this.state && this.nudged.id === id && this.nudged.end === end;
    if (!repeated) this.remember(this.state);
    if (end) {
      const pair = this.state.points.find((item) => item.id === id);
      this.movePoint(this.selected, add(centre(pair[end]), [dx, dy]));
      this.say(`${this.name(this.selected)} at ${describe(this.state.points.find((item) => item.id === id)[end])}`);
    } else {
      this.changeRectangle(id, (item) => this.within({ ...item, x: item.x + dx, y: item.y + dy }));
    }
    this.nudged = { state: this.state, id, end };
  }

  /** Select the next (or previous) point, rectangle or face. */
  selectNext(step) {
    if (this.tool === "choose" && this.faces.length) {
      return this.choose(((this.chosen ?? (step > 0 ? -1 : 0)) + step + this.faces.length) % this.faces.length);
    }
    const list =
      this.tool === "rectangle"
        ? this.state.rectangles.map(({ id }) => ({ id }))
        : this.state.points.flatMap(({ id, target }) =>
            (target ? ["handle", "target"] : ["handle"]).map((end) => ({ id, end })),
          );
    if (!list.length) return;
    const index = list.findIndex((item) => item.id === this.selected?.id && item.end === this.selected?.end);
    this.select(list[(index < 0 ? (step > 0 ? 0 : list.length - 1) : index + step + list.length) % list.length]);
    this.say(`${this.name(this.selected)} selected`);
  }

  // Rectangles

  /** Show other rectangles; an item is {x, y, width, height, kind}. */
  setRectangles(rectangles, options) {
    this.cancel();
    this.apply({ rectangles: rectangles.map((item) => ({ ...item, id: this.nextId++ })) }, options);
  }

  changeRectangle(id, change) {
    this.show({
      ...this.state,
      rectangles: this.state.rectangles.map((item) => (item.id === id ? change(item) : item)),
    });
  }

  within(item) {
    return {
      ...item,
      x: clamp(Math.round(item.x), 0, this.size.width - item.width),
      y: clamp(Math.round(item.y), 0, this.size.height - item.height),
    };
  }

  /** Choose the class of new rectangles, and give it to the selected one. */
  setKind(kind) {
    this.kind = kind;
    if (this.selected && !this.selected.end) {
      const before = this.state;
      this.changeRectangle(this.selected.id, (item) => ({ ...item, kind }));
      this.remember(before);
    }
    this.changed(["selection"]);
  }

  /** A click without a drag selects the topmost rectangle, then the one under it, then none. */
  cycleRectangle(position) {
    const hits = this.state.rectangles.filter((item) => inside(item, position)).reverse();
    const next = hits[hits.findIndex((item) => item.id === this.selected?.id) + 1];
    this.select(next ? { id: next.id } : null);
    if (next) this.say(`${this.name(this.selected)} selected: ${next.kind ?? ""}`);
  }

  // Faces

  choose(index) {
    this.chosen = index;
    this.changed(["chosen"]);
    this.say(`face ${index + 1} of ${this.faces.length} chosen`);
  }

  hitFace(position) {
    const hits = this.faces.map((face, index) => ({ ...face, index })).filter((face) => inside(face, position));
    hits.sort((a, b) => a.width * a.height - b.width * b.height); // the smallest, as boxes overlap
    return hits[0]?.index ?? null;
  }

  // Gestures: press, move, release, or cancel, which leaves no trace. A gesture is one step of undo.

  /** Begin at a position; within the radius a click counts as a hit. Returns whether it hit something. */
  press(position, radius) {
    this.cancel();
    this.gesture = { type: "none", before: this.state, start: position, moved: false };
    const selection = this.selected;
    const hit = this[`press_${this.tool}`]?.(position, radius) ?? false;
    this.gesture.selection = selection;
    return hit;
  }

  press_points(position, radius) {
    const hit = this.hitPoint(position, radius);
    const { width, height } = this.size;
    if (!hit && !inside({ x: -radius, y: -radius, width: width + 2 * radius, height: height + 2 * radius }, position)) {
      this.select(null);
      return false;
    }
    if (hit) this.select(hit);
    const held = hit ?? this.placePoint(position);
    const pair = this.state.points.find((item) => item.id === held.id);
    // A point that is caught beside its centre keeps that offset, so that it does not jump.
    const offset = hit ? add(centre(pair[held.end]), [-position[0], -position[1]]) : [0, 0];
    Object.assign(this.gesture, { type: "point", ...held, offset, threshold: hit ? radius / 4 : 0, placed: !hit });
    return Boolean(hit);
  }

  press_mask(position) {
    return this.pressStroke(position, "maskStrokes", this.maskSize);
  }

  press_pen(position) {
    return this.pressStroke(position, "penStrokes", this.penSize);
  }

  pressStroke(position, key, size) {
    // The stroke in progress grows in place, so that only its new points need to be drawn.
    const stroke = { points: [position], size, erase: this.erase, colour: this.penColour };
    Object.assign(this.gesture, { type: "stroke", stroke, key });
    this.show({ ...this.state, [key]: [...this.state[key], stroke] });
    return false;
  }

  press_rectangle(position, radius) {
    const chosen = this.state.rectangles.find((item) => item.id === this.selected?.id);
    const corner =
      chosen && Object.entries(corners(chosen)).find(([, point]) => distance(point, position) <= radius)?.[0];
    if (corner)
      Object.assign(this.gesture, { type: "resize", id: chosen.id, anchor: corners(chosen)[OPPOSITE[corner]] });
    else if (chosen && inside(chosen, position))
      Object.assign(this.gesture, { type: "shift", id: chosen.id, from: chosen });
    else Object.assign(this.gesture, { type: "draw", id: null });
    this.gesture.threshold = radius / 3;
    return Boolean(chosen && this.gesture.id);
  }

  press_choose(position) {
    const index = this.hitFace(position);
    if (index !== null) this.choose(index);
    return index !== null;
  }

  move(position) {
    const gesture = this.gesture;
    if (!gesture) return;
    gesture.moved ||= distance(position, gesture.start) > (gesture.threshold ?? 0);
    if (!gesture.moved) return;
    const delta = add(position, [-gesture.start[0], -gesture.start[1]]);
    if (gesture.type === "point") this.movePoint(gesture, add(position, gesture.offset));
    if (gesture.type === "stroke") {
      gesture.stroke.points.push(position);
      this.changed([gesture.key]);
    }
    if (gesture.type === "shift") {
      this.changeRectangle(gesture.id, (item) =>
        this.within({ ...item, x: gesture.from.x + delta[0], y: gesture.from.y + delta[1] }),
      );
    }
    if (gesture.type === "resize") {
      this.changeRectangle(gesture.id, (item) => ({ ...item, ...spanRectangle(gesture.anchor, position, this.size) }));
    }
    if (gesture.type === "draw") {
      const drawn = {
        id: (gesture.id ??= this.nextId++),
        kind: this.kind,
        ...spanRectangle(gesture.start, position, this.size),
      };
      this.show({ ...this.state, rectangles: [...gesture.before.rectangles, drawn] });
    }
  }

  release() {
    const gesture = this.gesture;
    this.gesture = null;
    if (!gesture) return;
    if (["draw", "shift"].includes(gesture.type) && !gesture.moved) return this.cycleRectangle(gesture.start);
    const drawn = this.state.rectangles.find((item) => item.id === gesture.id);
    if (["draw", "resize"].includes(gesture.type) && !(drawn?.width && drawn?.height)) return this.show(gesture.before);
    if (same(this.state, gesture.before)) return;
    this.remember(gesture.before);
    this.say(this.report(gesture));
  }

  /** What a gesture did, in words. */
  report(gesture) {
    if (gesture.type === "stroke") return gesture.stroke.erase ? "Erased." : "Drawn.";
    if (gesture.type === "point") {
      const pair = this.state.points.find((item) => item.id === gesture.id);
      const next = pair.target ? "" : "; now its target";
      return `${this.name(gesture)} ${gesture.placed ? "placed at" : "moved to"} ${describe(pair[gesture.end])}${next}`;
    }
    const drawn = this.state.rectangles.find((item) => item.id === gesture.id);
    return `${this.name(gesture)}: ${drawn.kind ?? ""} ${drawn.width} x ${drawn.height}`;
  }

  cancel() {
    if (!this.gesture) return;
    const { before, selection } = this.gesture;
    this.gesture = null;
    this.show(before);
    this.select(selection);
  }

  // The cursor of the keyboard: a position that arrow keys move

  moveCursor(dx, dy) {
    const { width, height } = this.size;
    const from = this.cursor ?? this.visibleCentre();
    this.cursor = [
      clamp(Math.floor(from[0]) + dx, 0, width - 1) + 0.5,
      clamp(Math.floor(from[1]) + dy, 0, height - 1) + 0.5,
    ];
    this.move(this.cursor);
    this.changed(["selection"]);
    if (!this.gesture) this.say(`cursor at ${describe(this.pixel(this.cursor))}`);
  }

  visibleCentre() {
    return centre(this.pixel(toImage(this.view, [this.box.width / 2, this.box.height / 2])));
  }
}
