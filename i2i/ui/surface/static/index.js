/** The drawing surface: an image to look at, mark and draw on. See `createSurface`. */
import { centre, toScreen } from "./geometry.js";
import { ImageQueue, decode, maskCanvas } from "./images.js";
import { listen } from "./input.js";
import { Model, TOOLS } from "./model.js";
import { Painting, drawOverlay, makeCanvas } from "./render.js";
import style from "./style.js";
import { createToolbar, make } from "./toolbar.js";

const EVENT_INTERVAL = 100; // ms between events while a gesture lasts; its end is always told
const HINTS = {
  pan: "Drag to move the image, turn the wheel or pinch to zoom.",
  points: "Click a handle, then its target. Drag to move them; a double click removes both.",
  mask: "Paint what may move; the hatched part is kept.",
  rectangle: "Drag a rectangle of the chosen class; click one to select it.",
  pen: "Draw on the image.",
  choose: "Click a face to choose it.",
};
/** The event that tells a change. */
const EVENTS = {
  points: "points",
  maskBase: "mask",
  maskStrokes: "mask",
  rectangles: "drawing",
  penStrokes: "drawing",
  chosen: "choose",
  view: "view",
};
/** Changes that leave the lower canvas as it is, so that clicks are drawn fast. */
const OVERLAY_ONLY = ["points", "selection", "chosen"];

/**
 * Put a drawing surface into an element.
 *
 * Options: `label` (for screen readers), `tools` (buttons to show), `tool`, `palette` {class: colour}, `background`
 * (colour behind drawings), `penColour`, `penSize`, `numbers` (of landmarks).
 * The element dispatches the events `points`, `mask`, `drawing`, `choose`, `view` and `error`; `detail` says what is
 * there now, and `final` whether no button is down.
 */
export function createSurface(element, options = {}) {
  const { tools = TOOLS, palette = {}, background = null } = options;
  const root = element.shadowRoot ?? element.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet(); // unlike a style element, a Content-Security-Policy need not allow it
  sheet.replaceSync(style);
  root.adoptedStyleSheets = [sheet];

  const scene = {
    image: null,
    before: null,
    divider: 0.5,
    hover: null,
    accent: "#1f5fd6",
    numbers: options.numbers ?? false,
  };
  const painting = new Painting(palette, background);
  const listeners = new AbortController();
  const untold = new Set();
  let [frame, timer, told, ratio] = [0, 0, 0, 1];
  let [stale, quiet] = [true, false]; // whether the lower canvas is to be drawn; whether changes are not told

  const model = new Model({
    say: (text) => {
      status.textContent = text;
    },
    changed: (keys) => {
      redraw(keys.some((key) => !OVERLAY_ONLY.includes(key)));
      if (quiet) return;
      for (const key of keys) if (EVENTS[key]) untold.add(EVENTS[key]);
      tell();
    },
  });
  for (const key of ["penColour", "penSize"]) if (options[key] !== undefined) model[key] = options[key];
  model.kind = Object.keys(palette)[0] ?? null;

  const toolbar = createToolbar(model, { tools, palette, setTool });
  const [lower, overlay] = [make("canvas", { "aria-hidden": true }), make("canvas", { "aria-hidden": true })];
  const slider = make("input", { type: "range", class: "compare", "aria-label": "Before and after", hidden: "" });
  const stage = make(
    "div",
    {
      class: "stage",
      tabindex: 0,
      role: "application", // arrow keys and Enter are for the image, not for the screen reader
      "aria-roledescription": "drawing surface",
      "aria-label": options.label ?? "Image to edit",
      "aria-describedby": "status",
    },
    lower,
    overlay,
    slider,
    toolbar.zoom,
  );
  const status = make("div", { class: "status", id: "status", role: "status", "aria-live": "polite" });
  root.replaceChildren(toolbar.bar, stage, status);

  function setTool(tool, { size, erase, kind, colour } = {}) {
    if (!TOOLS.includes(tool)) throw new Error(`There is no tool '${tool}'; there are ${TOOLS.join(", ")}.`);
    model.cancel();
    if (tool !== model.tool) {
      Object.assign(model, { tool, erase: false });
      model.select(null);
      status.textContent = HINTS[tool];
    }
    if (size !== undefined) model[tool === "pen" ? "penSize" : "maskSize"] = size;
    if (erase !== undefined) model.erase = erase;
    if (colour !== undefined) model.penColour = colour;
    if (kind !== undefined) model.setKind(kind);
    redraw();
  }

  // Drawing: at most once for each refresh of the screen

  function redraw(all = false) {
    stale ||= all;
    frame ||= requestAnimationFrame(draw);
  }

  function draw() {
    frame = 0;
    if (stale) painting.paint(cleared(lower), model, scene, ratio);
    stale = false;
    const context = cleared(overlay);
    context.scale(ratio, ratio);
    drawOverlay(context, model, scene);
    toolbar.update();
  }

  function cleared(canvas) {
    const [width, height] = [Math.round(model.box.width * ratio), Math.round(model.box.height * ratio)];
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    return context;
  }

  const resize = new ResizeObserver(() => {
    const [width, height] = [stage.clientWidth, stage.clientHeight];
    if (!width || !height) return; // hidden, such as in another tab of the page
    ratio = devicePixelRatio;
    scene.accent = getComputedStyle(stage).getPropertyValue("--accent").trim() || scene.accent;
    model.setBox(width, height);
    redraw(true);
  });
  resize.observe(stage);

  // Events: after the drawing, and not for every move

  const details = {
    points: () => ({ points: model.state.points }),
    mask: () => ({ empty: model.maskEmpty }),
    drawing: () => ({ rectangles: model.state.rectangles, strokes: model.state.penStrokes.length }),
    choose: () => ({ index: model.chosen }),
    view: () => ({ ...model.view }),
  };
  const dispatch = (name, detail) => element.dispatchEvent(new CustomEvent(name, { detail }));
  const fail = (error) => dispatch("error", { message: `The image cannot be shown: ${error.message}` });

  function tell() {
    clearTimeout(timer);
    timer = setTimeout(tellNow, model.gesture ? Math.max(told + EVENT_INTERVAL - performance.now(), 0) : 0);
  }

  function tellNow() {
    clearTimeout(timer);
    told = performance.now();
    for (const name of untold) dispatch(name, { ...details[name](), final: !model.gesture });
    untold.clear();
  }

  // Images

  const queue = new ImageQueue(
    decode,
    async (image, size) => {
      scene.image?.close();
      scene.image = image;
      const { width, height } = size ?? image ?? model.size;
      model.setSize(width, height);
      redraw(true);
      await new Promise(requestAnimationFrame);
    },
    fail,
  );

  function setDivider(share) {
    scene.divider = Math.min(Math.max(share, 0), 1);
    slider.value = 100 * scene.divider;
    redraw(true);
  }

  async function compare(source) {
    const image = source === null ? null : await decode(source).catch(fail);
    scene.before?.close();
    scene.before = image || null;
    slider.hidden = !scene.before;
    redraw(true);
  }

  async function setMask(source, more) {
    const image = source === null ? null : await decode(source).catch(fail);
    model.cancel();
    const maskBase = image ? maskCanvas(image, makeCanvas(model.size.width, model.size.height)) : null;
    model.apply({ maskBase, maskStrokes: [] }, more);
  }

  function exportPng(background, paint) {
    const canvas = makeCanvas(model.size.width, model.size.height);
    const context = canvas.getContext("2d");
    context.fillStyle = background ?? "transparent";
    context.fillRect(0, 0, canvas.width, canvas.height);
    paint(context);
    return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  }

  listen({ model, scene, stage, overlay, signal: listeners.signal, redraw, setDivider });
  slider.addEventListener("input", () => setDivider(slider.value / 100));
  setTool(options.tool ?? tools[0] ?? "pan");
  status.textContent = HINTS[model.tool];

  const show = (change) => {
    Object.assign(model, change);
    redraw();
  };
  return {
    get size() {
      return model.size;
    },
    /** Show an image (URL, Blob or bytes; null for none); resolves to whether it was shown. Another size than before
     *  removes what was drawn. */
    setImage: (source, size) => queue.push(source, size),
    /** Show a frame of a running edit, stretched to the size of the image. */
    setFrame: (source) => queue.push(source, model.size),
    /** Show a slider between an image on the left and the current one; null removes it. */
    compare,
    /** Choose a tool, and its `size`, `erase`, `kind` (class of rectangles) or `colour`. */
    setTool,
    /** Show pairs {id?, handle: [x, y], target: [x, y] | null}; {record: false} makes it no step of undo. */
    setHandles: (points, more) => model.setPoints(points, more),
    /** Move handles {id: [x, y]} while the image moves; tells no event. */
    trackHandles(handles) {
      quiet = true;
      model.trackHandles(handles);
      quiet = false;
    },
    /** Show rectangles {x, y, width, height, kind}. */
    setRectangles: (rectangles, more) => model.setRectangles(rectangles, more),
    /** Show a mask, white where the image may move; null removes it. */
    setMask,
    /** Show landmarks [x, y], with their numbers or without. */
    setLandmarks(landmarks, { numbers = scene.numbers } = {}) {
      scene.numbers = numbers;
      show({ landmarks: landmarks ?? [] });
    },
    /** Show boxes {x, y, width, height, label?} to choose from. */
    setFaces: (faces, chosen = null) => show({ faces: faces ?? [], chosen }),
    /** Show arrows {from: [x, y], to: [x, y]} that cannot be edited. */
    setArrows: (arrows) => show({ arrows: arrows ?? [] }),
    undo: () => model.undo(),
    redo: () => model.redo(),
    /** Remove what one tool draws, or everything drawn. */
    clear: (tool) => model.clear(tool),
    /** Show the whole image. */
    fit: () => model.fitView(),
    /** Blob of a PNG at image resolution, white where the image may move; null where no mask was painted. */
    async exportMask() {
      tellNow(); // whoever reads the mask knows the points as well, also those of the click just before
      return model.maskEmpty ? null : exportPng("#000000", (context) => painting.paintMask(context, model));
    },
    /** Blob of a PNG at image resolution: rectangles and strokes on the background colour, or on nothing. */
    exportDrawing: () => exportPng(background, (context) => painting.paintDrawing(context, model)),
    /** Where the pixel of a point is on the stage, in CSS pixels. */
    toStage: (point) => toScreen(model.view, centre(point)),
    destroy() {
      queue.close();
      listeners.abort();
      resize.disconnect();
      clearTimeout(timer);
      cancelAnimationFrame(frame);
      scene.image?.close();
      scene.before?.close();
      root.replaceChildren();
    },
  };
}
