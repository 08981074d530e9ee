/**
 * Points, views and rectangles.
 *
 * Coordinates are continuous image pixels as on a canvas: (0, 0) is the corner of the image, and the centre of the
 * pixel in column x and row y is (x + 0.5, y + 0.5). Only points (handles, targets, landmarks) are columns and rows.
 */

const VISIBLE = 48; // px of the image that panning leaves in sight

export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
export const add = ([x, y], [dx, dy]) => [x + dx, y + dy];
export const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);
export const middle = (a, b) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
const number = (value) => `${Math.round(value * 10) / 10}`;
export const describe = ([x, y]) => `${number(x)}, ${number(y)}`;
/** Centre of the pixel of a point. */
export const centre = ([x, y]) => [x + 0.5, y + 0.5];

// View transforms: a view {scale, x, y} maps image to screen by multiplying with scale and adding (x, y).

export const toScreen = (view, [x, y]) => [x * view.scale + view.x, y * view.scale + view.y];
export const toImage = (view, [x, y]) => [(x - view.x) / view.scale, (y - view.y) / view.scale];

/** Show the whole image in the middle of the box. */
export function fit(size, box, margin = 12) {
  const scale = Math.max(
    Math.min((box.width - 2 * margin) / size.width, (box.height - 2 * margin) / size.height),
    1e-3,
  );
  return { scale, x: (box.width - size.width * scale) / 2, y: (box.height - size.height * scale) / 2 };
}

/** Keep a part of the image in the box, however far it is moved. */
export function constrain(view, size, box) {
  const along = (offset, length, space) => {
    const visible = Math.min(VISIBLE, length, space);
    return clamp(offset, visible - length, space - visible);
  };
  return {
    scale: view.scale,
    x: along(view.x, size.width * view.scale, box.width),
    y: along(view.y, size.height * view.scale, box.height),
  };
}

/** Scale the view so that what lies under a point of the screen stays there. */
export function zoomAt(view, factor, [x, y]) {
  return { scale: view.scale * factor, x: x + (view.x - x) * factor, y: y + (view.y - y) * factor };
}

// Rectangles {x, y, width, height, kind}; corners are "nw", "ne", "se", "sw".

export const corners = ({ x, y, width, height }) => ({
  nw: [x, y],
  ne: [x + width, y],
  se: [x + width, y + height],
  sw: [x, y + height],
});
export const OPPOSITE = { nw: "se", ne: "sw", se: "nw", sw: "ne" };
export const inside = ({ x, y, width, height }, [px, py]) => px >= x && py >= y && px < x + width && py < y + height;

/** The whole pixels between two corners, within the image. */
export function spanRectangle(a, b, size) {
  const along = (first, second, limit) => {
    const low = clamp(Math.round(Math.min(first, second)), 0, limit);
    return [low, clamp(Math.round(Math.max(first, second)), 0, limit) - low];
  };
  const [x, width] = along(a[0], b[0], size.width);
  const [y, height] = along(a[1], b[1], size.height);
  return { x, y, width, height };
}
