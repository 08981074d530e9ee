/** The buttons around the surface: tools, brush size, palette, undo, zoom, and the line that says what happened. */

const ICONS = {
  pan: "M8 12V6a1.5 1.5 0 0 1 3 0v5-7a1.5 1.5 0 0 1 3 0v7-5a1.5 1.5 0 0 1 3 0v8c0 4-2 7-6 7s-5-2-7-6c-1-2 1-3 2-2z",
  points: "M6.5 17.5 15 9M10 6h8v8M4 17a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0",
  mask: "M9 14 19 4l2 2-9 10zM9 14c-3 0-3 3-5 5 3 2 8 1 8-3z",
  rectangle: "M4 6h16v12H4z",
  pen: "M4 20l1-5L16 4l4 4L9 19zM14 6l4 4",
  choose: "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M9 10v.5M15 10v.5M9 15c2 1.5 4 1.5 6 0",
  erase: "M8 19 3.5 14.5 14 4l6.500 6.500L12 19zM7 19h14M8.500 9.500l6.500 6.500",
  undo: "M9 5 4 10l5 5M4 10h10a5 5 0 0 1 0 10h-3",
  redo: "M15 5l5 5-5 5M20 10H10a5 5 0 0 0 0 10h3",
  clear: "M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13M10.500 11v5M13.500 11v5",
  remove: "M9 6h11v12H9l-6-6zM12 10l4 4M16 10l-4 4",
  minus: "M6 12h12",
  plus: "M6 12h12M12 6v12",
};
const TITLES = {
  pan: "Move the image",
  points: "Points: handles and targets",
  mask: "Mask: what may move",
  rectangle: "Rectangles",
  pen: "Pen",
  choose: "Choose a face",
};

const NAMES = { pan: "Move", points: "Points", mask: "Mask", rectangle: "Rectangle", pen: "Pen", choose: "Face" };

export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

const button = (title, name, onclick, text = "") =>
  make(
    "button",
    { type: "button", title, "aria-label": title, onclick },
    icon(name),
    ...(text ? [make("span", { class: "name" }, text)] : []),
  );

/** Build the bar of tools and the zoom buttons; returns them with `update`, which shows the state of the model. */
export function createToolbar(model, { tools, palette, setTool }) {
  const toolButtons = tools.map((tool) => [tool, button(TITLES[tool], tool, () => setTool(tool), NAMES[tool])]);
  const erase = button("Eraser", "erase", () => setTool(model.tool, { erase: !model.erase }));
  const slider = make("input", {
    type: "range",
    min: 0,
    max: 100,
    "aria-label": "Size",
    oninput: () => setTool(model.tool, { size: sizeAt(slider.value) }),
  });
  const sizeText = make("span");
  const size = make("label", { class: "size" }, slider, sizeText);
  const kinds = Object.entries(palette).map(([kind, colour]) => {
    const swatch = make("span", { class: "swatch" });
    swatch.style.background = colour;
    return [kind, make("button", { type: "button", onclick: () => setTool("rectangle", { kind }) }, swatch, kind)];
  });
  const classes = make(
    "div",
    { class: "group palette", role: "group", "aria-label": "Classes" },
    ...kinds.map(([, node]) => node),
  );
  const [undo, redo] = [
    button("Undo (Ctrl+Z)", "undo", () => model.undo()),
    button("Redo (Ctrl+Y)", "redo", () => model.redo()),
  ];
  const remove = button("Delete what is selected (Delete)", "remove", () => model.removeSelected());
  const clear = button("Clear", "clear", () => model.clear(model.tool));
  const percent = make("button", {
    type: "button",
    class: "percent",
    title: "Show the whole image (0)",
    onclick: () => model.fitView(),
  });
  const zoom = make(
    "div",
    { class: "zoom", role: "group", "aria-label": "Zoom" },
    button("Zoom out (-)", "minus", () => model.zoom(0.8)),
    percent,
    button("Zoom in (+)", "plus", () => model.zoom(1.25)),
  );
  const choice = make(
    "div",
    { class: "group tools", role: "group", "aria-label": "Tools" },
    ...toolButtons.map(([, node]) => node),
  );
  const bar = make("div", { class: "bar", role: "toolbar", "aria-label": "Drawing tools" });
  if (tools.length)
    bar.append(choice, erase, size, make("div", { class: "group end" }, undo, redo, remove, clear), classes);

  // Sizes grow geometrically along the slider, from one pixel to a third of the image.
  const largest = () => Math.max(model.size.width, model.size.height, 24) / 3;
  const sizeAt = (share) => Math.max(1, Math.round(largest() ** (share / 100)));

  function update() {
    const { tool, state } = model;
    const brush = tool === "mask" || tool === "pen";
    for (const [name, node] of toolButtons) node.setAttribute("aria-pressed", name === tool);
    for (const [name, node] of kinds) node.setAttribute("aria-pressed", name === model.kind);
    erase.hidden = size.hidden = !brush;
    classes.hidden = tool !== "rectangle" || !kinds.length;
    erase.setAttribute("aria-pressed", model.erase);
    const pixels = tool === "pen" ? model.penSize : model.maskSize;
    if (sizeAt(slider.value) !== pixels) slider.value = (100 * Math.log(pixels)) / Math.log(largest());
    sizeText.textContent = `${pixels} px`;
    undo.disabled = !model.past.length;
    redo.disabled = !model.future.length;
    remove.disabled = !model.selected;
    clear.disabled = model.isClear(tool, state);
    percent.textContent = `${Math.round(100 * model.view.scale)} %`;
  }
  return { bar, zoom, update };
}
