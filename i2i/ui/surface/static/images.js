/** Decoding of images, and the queue that shows the newest one. */

/** Decode a URL, Blob or bytes, off the main thread as far as the browser can. */
export async function decode(source) {
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) return createImageBitmap(new Blob([source]));
  if (typeof source !== "string") return createImageBitmap(source);
  const image = new Image();
  image.src = source;
  await image.decode();
  return createImageBitmap(image);
}

/** Show images one after another; of those that come while one is decoded, all but the newest are dropped. */
export class ImageQueue {
  /**
   * @param {(source: any) => Promise<any>} decoder
   * @param {(image: any, size: object | null) => Promise<void>} show resolves when the image can be seen
   * @param {(error: Error) => void} fail
   */
  constructor(decoder, show, fail) {
    Object.assign(this, { decoder, show, fail, busy: false, next: null, closed: false });
  }

  /** Resolves to whether the image was shown. */
  push(source, size = null) {
    return new Promise((resolve) => {
      this.next?.resolve(false);
      this.next = { source, size, resolve };
      if (!this.busy) this.work();
    });
  }

  close() {
    this.closed = true;
    this.next?.resolve(false);
    this.next = null;
  }

  async work() {
    this.busy = true;
    while (this.next) {
      const { source, size, resolve } = this.next;
      this.next = null;
      try {
        const image = source === null ? null : await this.decoder(source);
        if (!this.closed) await this.show(image, size);
        else image?.close();
        resolve(!this.closed);
      } catch (error) {
        this.fail(error);
        resolve(false);
      }
    }
    this.busy = false;
  }
}

/** Turn an image that is white where something may move into white pixels of that opacity. */
export function maskCanvas(image, canvas) {
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  for (let index = 0; index < pixels.data.length; index += 4) {
    pixels.data[index + 3] = (pixels.data[index] * pixels.data[index + 3]) / 255;
    pixels.data.fill(255, index, index + 3);
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}
