import assert from "node:assert/strict";
import test from "node:test";

import { ImageQueue } from "../../../i2i/ui/surface/static/images.js";

const tick = () => new Promise((resolve) => setTimeout(resolve));

/** A queue whose images are decoded when the test says so. */
function make() {
  const [shown, failed, waiting] = [[], [], []];
  const decoder = (source) => new Promise((resolve, reject) => waiting.push({ source, resolve, reject }));
  const queue = new ImageQueue(
    decoder,
    async (image) => shown.push(image),
    (error) => failed.push(error.message),
  );
  const finish = async () => {
    const { source, resolve } = waiting.shift();
    resolve(source);
    await tick();
  };
  return { queue, shown, failed, waiting, finish };
}

test("images that come faster than they are decoded are dropped, and the last one is shown", async () => {
  const { queue, shown, finish } = make();
  const results = [1, 2, 3, 4].map((number) => queue.push(number));
  await finish();
  await finish();
  assert.deepEqual(shown, [1, 4]);
  assert.deepEqual(await Promise.all(results), [true, false, false, true]);
});

test("an image that cannot be decoded is told, and the next one is shown", async () => {
  const { queue, shown, failed, waiting, finish } = make();
  const results = [queue.push("bad"), queue.push("good")];
  waiting.shift().reject(new Error("no image"));
  await tick();
  await finish();
  assert.deepEqual([shown, failed], [["good"], ["no image"]]);
  assert.deepEqual(await Promise.all(results), [false, true]);
});

test("a closed queue shows nothing more", async () => {
  const { queue, shown, waiting } = make();
  const result = queue.push("late");
  let closed = false;
  queue.close();
  waiting.shift().resolve({ close: () => (closed = true) });
  assert.equal(await result, false);
  assert.deepEqual([shown, closed], [[], true]);
});
