/** Mouse, pen, touch and keyboard: what they do to the model. Nothing here waits for the server. */
import { describe, toImage, toScreen } from "./geometry.js";

const LONG_PRESS = 600; // ms
const REACH = { mouse: 12, pen: 16, touch: 24 }; // screen px within which a press hits something
const PAN_STEP = 40; // screen px
const POINTERS = {
  pan: "grab",
  points: "crosshair",
  mask: "none", // a circle of the brush's size is drawn instead
  pen: "none",
  rectangle: "crosshair",
  choose: "pointer",
};
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * Connect the events of the stage with the model until the signal aborts.
 *
 * `scene` holds what is shown beside the model: `hover` (image position of the mouse), `before` and `divider` of the
 * before/after slider.
 */
export function listen({ model, scene, stage, overlay, signal, redraw, setDivider }) {
  const pointers = new Map(); // those that are down: id -> position on the stage
  let mode = null; // "draw", "pan", "pinch" or "divide" while a pointer is down
  let type = "mouse"; // of those pointers
  let space = false;
  let hits = []; // whether the last two presses hit a point
  let holding = 0;
  const on = (target, name, listener, more = {}) => target.addEventListener(name, listener, { signal, ...more });
  const position = (event) => {
    const { left, top } = overlay.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  };
  const onImage = (point) => toImage(model.view, point);
  const nearDivider = ([x], reach) =>
    scene.before && Math.abs(x - toScreen(model.view, [scene.divider * model.size.width, 0])[0]) <= reach;

  // Pointers

  on(overlay, "pointerdown", (event) => {
    if (event.button === 2) return;
    if (pointers.size && event.isPrimary) {
      if (type === "pen" && event.pointerType === "touch") return; // the palm of the hand that draws
      model.cancel(); // the end of an earlier pointer was never told
      pointers.clear();
    }
    type = event.pointerType;
    stage.focus({ preventScroll: true });
    stage.classList.remove("keyboard");
    overlay.setPointerCapture(event.pointerId);
    const point = position(event);
    pointers.set(event.pointerId, point);
    model.cursor = null;
    if (pointers.size === 2) {
      model.cancel(); // the first finger of a pinch draws nothing
      clearTimeout(holding);
      mode = "pinch";
    } else if (pointers.size === 1) {
      const reach = REACH[event.pointerType] ?? REACH.mouse;
      if (event.button === 1 || space) mode = "pan";
      else if (nearDivider(point, reach)) mode = "divide";
      else if (model.tool === "pan") mode = "pan";
      else draw(point, reach);
      event.preventDefault();
    }
    follow(event, point);
  });

  function draw(point, reach) {
    mode = "draw";
    const hit = model.press(onImage(point), reach / model.view.scale);
    hits = [hits.at(-1) ?? false, hit];
    clearTimeout(holding);
    if (!hit || model.tool !== "points") return;
    holding = setTimeout(() => {
      if (mode === "draw" && !model.gesture?.moved) model.removeSelected();
    }, LONG_PRESS);
  }

  on(overlay, "pointermove", (event) => {
    const point = position(event);
    const last = pointers.get(event.pointerId);
    if (last && mode === "draw") {
      const parts = event.getCoalescedEvents?.() ?? [];
      for (const part of parts.length ? parts : [event]) model.move(onImage(position(part)));
      if (model.gesture?.moved) clearTimeout(holding);
    } else if (last && mode === "pan") {
      model.pan(point[0] - last[0], point[1] - last[1]);
    } else if (last && mode === "divide") {
      setDivider(onImage(point)[0] / model.size.width);
    } else if (last && mode === "pinch" && pointers.size === 2) {
      const moved = [...pointers].map(([id, old]) => (id === event.pointerId ? point : old));
      model.pinch([...pointers.values()], moved);
    }
    if (last) pointers.set(event.pointerId, point);
    follow(event, point);
  });

  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
    on(overlay, name, (event) => {
      if (!pointers.delete(event.pointerId)) return;
      clearTimeout(holding);
      if (mode === "draw" && event.type === "pointerup") model.release();
      else model.cancel();
      if (!pointers.size) mode = null; // a finger that stays after a pinch does nothing
      redraw();
    });
  }

  on(overlay, "pointerleave", () => {
    scene.hover = null;
    redraw();
  });

  on(overlay, "dblclick", () => {
    // Two quick clicks that place a handle and its target must not remove them: both have to hit a point.
    if (model.tool === "points" && hits.length === 2 && hits.every(Boolean)) model.removeSelected();
    hits = [];
  });

  on(overlay, "contextmenu", (event) => event.preventDefault()); // a long press would open it

  on(
    stage,
    "wheel",
    (event) => {
      event.preventDefault();
      // Lines instead of pixels in some browsers; a pinch on a touchpad comes as a small step with Ctrl.
      const delta = event.deltaY * (event.deltaMode ? 30 : 1) * (event.ctrlKey ? 6 : 1);
      model.zoom(Math.exp(-Math.min(Math.max(delta, -300), 300) * 0.0015), position(event));
    },
    { passive: false },
  );

  function follow(event, point) {
    scene.hover = event.pointerType === "touch" ? null : onImage(point);
    const onPoint = model.tool === "points" && model.hitPoint(onImage(point), REACH.mouse / model.view.scale);
    if (mode === "pan" || mode === "pinch") overlay.style.cursor = "grabbing";
    else if (space) overlay.style.cursor = "grab";
    else if (nearDivider(point, REACH.mouse)) overlay.style.cursor = "ew-resize";
    else overlay.style.cursor = onPoint ? "move" : POINTERS[model.tool];
    redraw();
  }

  // Keyboard

  /** Enter shows the cursor, then presses at it; a stroke or rectangle lasts until the next Enter. */
  function enter() {
    const single = model.tool === "points" || model.tool === "choose";
    if (!model.cursor) {
      model.cursor = model.visibleCentre();
      model.select(null);
      const what = single ? "is a click" : "starts and ends";
      model.say(`cursor at ${describe(model.pixel(model.cursor))}; arrow keys move it, Enter ${what}`);
    } else if (model.gesture) {
      model.release();
    } else {
      model.press(model.cursor, REACH.mouse / model.view.scale);
      if (single) model.release();
    }
  }

  function escape() {
    if (model.gesture) return model.cancel();
    model.cursor = null;
    model.select(null);
  }

  function arrow([dx, dy], { shiftKey, altKey }) {
    const step = shiftKey ? 10 : 1;
    if (model.cursor && model.gesture) model.moveCursor(dx * step, dy * step);
    else if (altKey || !(model.selected || model.cursor)) model.pan(-PAN_STEP * dx, -PAN_STEP * dy);
    else if (model.selected) model.nudge(dx * step, dy * step);
    else model.moveCursor(dx * step, dy * step);
  }

  const keys = {
    "+": () => model.zoom(1.25),
    "=": () => model.zoom(1.25),
    "-": () => model.zoom(0.8),
    0: () => model.fitView(),
    Enter: enter,
    Escape: escape,
    Delete: () => model.removeSelected(),
    Backspace: () => model.removeSelected(),
    ",": () => model.selectNext(-1),
    ".": () => model.selectNext(1),
    " ": () => {
      space = true;
      overlay.style.cursor = "grab";
    },
  };
  const commands = { z: () => model.undo(), Z: () => model.redo(), y: () => model.redo() };

  on(stage, "keydown", (event) => {
    if (event.target !== stage) return; // the slider and the zoom buttons have keys of their own
    const command = event.ctrlKey || event.metaKey;
    const action = command
      ? commands[event.key]
      : ARROWS[event.key]
        ? () => arrow(ARROWS[event.key], event)
        : keys[event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
    redraw();
  });

  on(stage, "keyup", (event) => {
    stage.classList.add("keyboard"); // shows the focus, after Tab too
    if (event.key === " ") space = false;
  });

  on(stage, "blur", () => {
    space = false;
  });
  signal.addEventListener("abort", () => clearTimeout(holding));
}
