import assert from "node:assert/strict";
import test from "node:test";

import { constrain, fit, spanRectangle, toImage, toScreen, zoomAt } from "../../../i2i/ui/surface/static/geometry.js";
import { Model } from "../../../i2i/ui/surface/static/model.js";

/** A model of a 100 x 80 px image, with what it announced and what it said had changed. */
function make(more = {}) {
  const [said, changes] = [[], []];
  const model = new Model({ say: (text) => said.push(text), changed: (keys) => changes.push(...keys) });
  model.setBox(400, 300);
  model.setSize(100, 80);
  Object.assign(model, more);
  return { model, said, changes };
}

const click = (model, position, radius = 3) => {
  const hit = model.press(position, radius);
  model.release();
  return hit;
};
const drag = (model, from, ...to) => {
  model.press(from, 3);
  to.forEach((position) => model.move(position));
  model.release();
};
const pairs = (model) => model.state.points.map(({ handle, target }) => [handle, target]);

test("fit shows the whole image in the middle", () => {
  const view = fit({ width: 100, height: 50 }, { width: 220, height: 220 }, 10);
  assert.deepEqual(view, { scale: 2, x: 10, y: 60 });
  assert.deepEqual(toImage(view, toScreen(view, [12.5, 40])), [12.5, 40]);
});

test("zoom keeps what is under the pointer there", () => {
  const view = { scale: 2, x: 30, y: -7 };
  const pointer = [111, 55];
  assert.deepEqual(toImage(zoomAt(view, 3, pointer), pointer), toImage(view, pointer));
});

test("zoom is limited at both ends", () => {
  const { model } = make();
  for (let count = 0; count < 60; count++) model.zoom(2);
  assert.equal(model.view.scale, 40);
  for (let count = 0; count < 60; count++) model.zoom(0.5);
  assert.equal(model.view.scale, 1);
});

test("panning leaves a part of the image in sight", () => {
  const view = constrain({ scale: 1, x: 9000, y: -9000 }, { width: 100, height: 80 }, { width: 400, height: 300 });
  assert.deepEqual(view, { scale: 1, x: 352, y: -32 });
});

test("pinch zooms around the fingers and moves with them", () => {
  const { model } = make();
  const under = toImage(model.view, [200, 150]);
  model.pinch(
    [
      [190, 150],
      [210, 150],
    ],
    [
      [200, 160],
      [240, 160],
    ],
  );
  toScreen(model.view, under).forEach((value, axis) => assert.ok(Math.abs(value - [220, 160][axis]) < 1e-9));
});

test("a resized box refits a fitted view and keeps the middle of another", () => {
  const { model } = make();
  model.setBox(800, 600);
  assert.deepEqual(model.view, fit(model.size, model.box));
  model.zoom(2);
  const middle = toImage(model.view, [400, 300]);
  model.setBox(600, 500);
  assert.deepEqual(toImage(model.view, [300, 250]), middle);
});

test("two clicks place a handle and its target on whole pixels", () => {
  const { model, said } = make();
  click(model, [10.9, 20.2]);
  assert.deepEqual(pairs(model), [[[10, 20], null]]);
  click(model, [40.5, 20.5]);
  assert.deepEqual(pairs(model), [
    [
      [10, 20],
      [40, 20],
    ],
  ]);
  assert.deepEqual(said, ["handle 1 placed at 10, 20; now its target", "target 1 placed at 40, 20"]);
});

test("points are placed within the image, and clicks far outside place none", () => {
  const { model } = make();
  click(model, [101, -1]);
  click(model, [150, 40]);
  assert.deepEqual(pairs(model), [[[99, 0], null]]);
});

test("a handle and a target move by dragging, without jumping to the pointer", () => {
  const { model } = make();
  model.setPoints([{ handle: [10, 10], target: [50, 50] }]);
  drag(model, [11.5, 10.5], [15, 14], [21.5, 30.5]);
  drag(model, [50.5, 50.5], [60.5, 70.5]);
  assert.deepEqual(pairs(model), [
    [
      [20, 30],
      [60, 70],
    ],
  ]);
  assert.ok(model.undo() && model.undo());
  assert.deepEqual(pairs(model), [
    [
      [10, 10],
      [50, 50],
    ],
  ]);
});

test("a click on a point selects it and changes nothing", () => {
  const { model } = make();
  model.setPoints([{ handle: [10, 10], target: [50, 50] }]);
  const steps = model.past.length;
  assert.equal(click(model, [51, 52]), true);
  assert.deepEqual(model.selected, { id: 1, end: "target" });
  assert.equal(model.past.length, steps);
});

test("removing an end removes the pair, and undo brings it back", () => {
  const { model, said } = make();
  model.setPoints([
    { handle: [10, 10], target: [50, 50] },
    { handle: [20, 10], target: [60, 50] },
  ]);
  model.select({ id: 2, end: "target" });
  assert.equal(model.removeSelected(), true);
  assert.deepEqual(pairs(model), [
    [
      [10, 10],
      [50, 50],
    ],
  ]);
  assert.equal(said.at(-1), "handle 2 removed, with its target");
  assert.equal(model.removeSelected(), false);
  model.undo();
  assert.equal(pairs(model).length, 2);
});

test("a long press removes what it holds", () => {
  const { model } = make();
  model.setPoints([{ handle: [10, 10], target: [50, 50] }]);
  model.press([10, 10], 3);
  assert.equal(model.removeSelected(), true);
  model.release();
  assert.deepEqual([pairs(model), model.selected], [[], null]);
});

test("undo and redo go through every step, and a new step forgets what was undone", () => {
  const { model } = make();
  click(model, [10, 10]);
  click(model, [20, 10]);
  click(model, [50, 10]);
  model.undo();
  model.undo();
  assert.deepEqual(pairs(model), [[[10, 10], null]]);
  model.redo();
  assert.deepEqual(pairs(model), [
    [
      [10, 10],
      [20, 10],
    ],
  ]);
  click(model, [70, 70]);
  assert.equal(model.redo(), false);
});

test("tracked handles move in the history too", () => {
  const { model } = make();
  model.setPoints([{ id: 7, handle: [10, 10], target: [50, 50] }]);
  click(model, [80, 20]);
  model.trackHandles({ 7: [12.5, 13] });
  assert.deepEqual(pairs(model)[0], [
    [12.5, 13],
    [50, 50],
  ]);
  model.undo();
  assert.deepEqual(pairs(model), [
    [
      [12.5, 13],
      [50, 50],
    ],
  ]);
  assert.equal(click(model, [90, 70]), false);
  assert.notEqual(model.state.points[1].id, 7);
});

test("tracking adds no step of undo to a click on a handle", () => {
  const { model } = make();
  model.setPoints([{ id: 1, handle: [10, 10], target: [50, 50] }]);
  const steps = model.past.length;
  model.press([10, 10], 3);
  model.trackHandles({ 1: [11, 11] });
  model.release();
  assert.equal(model.past.length, steps);
});

test("a handle that is dragged ignores tracking", () => {
  const { model } = make();
  model.setPoints([{ id: 1, handle: [10, 10], target: [50, 50] }]);
  model.press([10.5, 10.5], 3);
  model.move([30.5, 30.5]);
  model.trackHandles({ 1: [11, 11] });
  model.release();
  assert.deepEqual(pairs(model), [
    [
      [30, 30],
      [50, 50],
    ],
  ]);
});

test("a cancelled press leaves no trace, as when a second finger touches", () => {
  for (const tool of ["points", "mask", "pen", "rectangle"]) {
    const { model } = make({ tool });
    const before = model.state;
    model.press([10, 10], 3);
    model.move([30, 30]);
    model.cancel();
    assert.deepEqual(model.state, before);
    assert.equal(model.past.length, 0);
    assert.equal(model.selected, null);
  }
});

test("a stroke is one step of undo and keeps its size", () => {
  const { model, changes } = make({ tool: "mask", maskSize: 9 });
  changes.length = 0;
  drag(model, [10, 10], [20, 10], [30, 10]);
  model.erase = true;
  drag(model, [20, 10], [25, 10]);
  const [painted, erased] = model.state.maskStrokes;
  assert.deepEqual([painted.points.length, painted.size, painted.erase, erased.erase], [3, 9, false, true]);
  assert.ok(changes.includes("maskStrokes") && !changes.includes("penStrokes"));
  model.undo();
  assert.deepEqual(model.state.maskStrokes, [painted]);
  model.undo();
  assert.equal(model.maskEmpty, true);
});

test("rectangles span whole pixels within the image", () => {
  const size = { width: 100, height: 80 };
  assert.deepEqual(spanRectangle([30.4, 20], [10.6, 99], size), { x: 11, y: 20, width: 19, height: 60 });
});

test("a drag draws a rectangle of the class, also within another one", () => {
  const { model } = make({ tool: "rectangle", kind: "wall" });
  drag(model, [10, 10], [90, 70]);
  model.setKind("window");
  drag(model, [20, 20], [30, 40]);
  assert.deepEqual(
    model.state.rectangles.map(({ kind, width, height }) => [kind, width, height]),
    [
      ["wall", 80, 60],
      ["window", 10, 20],
    ],
  );
});

test("a selected rectangle moves, resizes, changes its class and is removed", () => {
  const { model } = make({ tool: "rectangle", kind: "wall" });
  drag(model, [10, 10], [30, 30]);
  click(model, [20, 20]);
  drag(model, [20, 20], [100, 25]);
  assert.deepEqual(model.state.rectangles[0], { id: 1, kind: "wall", x: 80, y: 15, width: 20, height: 20 });
  drag(model, [80, 15], [60, 5]);
  model.setKind("door");
  assert.deepEqual(model.state.rectangles[0], { id: 1, kind: "door", x: 60, y: 5, width: 40, height: 30 });
  model.undo();
  assert.equal(model.state.rectangles[0].kind, "wall");
  model.removeSelected();
  assert.equal(model.state.rectangles.length, 0);
});

test("clicks go through the rectangles under the pointer, then select none", () => {
  const { model } = make({ tool: "rectangle", kind: "wall" });
  drag(model, [10, 10], [90, 70]);
  drag(model, [20, 20], [40, 40]);
  const selected = [1, 2, 3].map(() => (click(model, [30, 30]), model.selected?.id ?? null));
  assert.deepEqual(selected, [2, 1, null]);
});

test("an empty rectangle is not kept", () => {
  const { model } = make({ tool: "rectangle" });
  drag(model, [10, 10], [30, 30], [10, 30]);
  assert.equal(model.state.rectangles.length, 0);
  assert.equal(model.past.length, 0);
});

test("a click chooses the smallest face under it", () => {
  const { model, said } = make({ tool: "choose" });
  model.faces = [
    { x: 0, y: 0, width: 90, height: 70 },
    { x: 40, y: 20, width: 20, height: 20 },
  ];
  click(model, [50, 30]);
  assert.equal(model.chosen, 1);
  assert.equal(said.at(-1), "face 2 of 2 chosen");
  click(model, [99, 79]);
  assert.equal(model.chosen, 1);
});

test("arrow keys move a selected point, and a run of them is one step of undo", () => {
  const { model, said } = make();
  model.setPoints([{ handle: [10, 10], target: [50, 50] }]);
  model.selectNext(1);
  model.nudge(1, 0);
  model.nudge(10, 0);
  assert.deepEqual(pairs(model)[0][0], [21, 10]);
  assert.equal(said.at(-1), "handle 1 at 21, 10");
  model.undo();
  assert.deepEqual(pairs(model)[0][0], [10, 10]);
});

test("points are placed at the cursor of the keyboard", () => {
  const { model } = make();
  model.cursor = model.visibleCentre();
  model.moveCursor(-10, 0);
  click(model, model.cursor);
  model.moveCursor(0, 500);
  click(model, model.cursor);
  assert.deepEqual(pairs(model), [
    [
      [40, 40],
      [40, 79],
    ],
  ]);
});

test("next and previous go through handles and targets in turn", () => {
  const { model } = make();
  model.setPoints([{ handle: [1, 1], target: [2, 2] }, { handle: [3, 3] }]);
  const names = [1, 1, 1, 1, -1].map((step) => (model.selectNext(step), model.name(model.selected)));
  assert.deepEqual(names, ["handle 1", "target 1", "handle 2", "handle 1", "handle 2"]);
});

test("clear empties what the tool draws, once", () => {
  const { model } = make();
  click(model, [10, 10]);
  model.tool = "pen";
  drag(model, [10, 10], [20, 20]);
  model.clear("pen");
  assert.deepEqual([model.state.penStrokes.length, model.state.points.length], [0, 1]);
  const steps = model.past.length;
  model.clear("pen");
  assert.equal(model.past.length, steps);
  model.clear();
  assert.equal(model.state.points.length, 0);
});

test("an image of another size forgets what was drawn, and one of the same size keeps it", () => {
  const { model } = make();
  click(model, [10, 10]);
  assert.equal(model.setSize(100, 80), false);
  assert.equal(model.state.points.length, 1);
  assert.equal(model.setSize(200, 80), true);
  assert.equal(model.state.points.length, 0);
  assert.equal(model.undo(), false);
});
