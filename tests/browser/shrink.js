// A picture's pixels -> 256 colours by median cut, and each pixel's colour: for an indexed PNG.
async (source) => {
  const image = new Image();
  image.src = source;
  await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, image.width, image.height);
  const pixels = data.length / 4;
  const bin = (i) => ((data[i] >> 2) << 12) | ((data[i + 1] >> 2) << 6) | (data[i + 2] >> 2);
  const counts = new Map();
  for (let i = 0; i < data.length; i += 4) counts.set(bin(i), (counts.get(bin(i)) ?? 0) + 1);
  const part = (colour, axis) => (colour >> (12 - 6 * axis)) & 63;
  const spread = (box) => [0, 1, 2].map((axis) => {
    const values = box.map((colour) => part(colour, axis));
    return Math.max(...values) - Math.min(...values);
  });
  let boxes = [[...counts.keys()]];
  const cost = (box) => Math.max(...spread(box)) * Math.sqrt(box.reduce((sum, colour) => sum + counts.get(colour), 0));
  const costs = new Map([[boxes[0], cost(boxes[0])]]);
  while (boxes.length < 256) {
    const box = boxes.reduce((a, b) => (costs.get(a) >= costs.get(b) ? a : b));
    if (costs.get(box) === 0) break;
    const wide = spread(box);
    const axis = wide.indexOf(Math.max(...wide));
    box.sort((a, b) => part(a, axis) - part(b, axis));
    const middle = (part(box[0], axis) + part(box[box.length - 1], axis)) / 2;
    const cut = Math.max(1, box.findIndex((colour) => part(colour, axis) > middle));
    const halves = [box.slice(0, cut), box.slice(cut)];
    boxes = [...boxes.filter((each) => each !== box), ...halves];
    for (const half of halves) costs.set(half, cost(half));
  }
  const index = new Map();
  boxes.forEach((box, i) => box.forEach((colour) => index.set(colour, i)));
  const sums = boxes.map(() => [0, 0, 0, 0]);
  const indices = new Uint8Array(pixels);
  for (let i = 0; i < pixels; i += 1) {
    const at = (indices[i] = index.get(bin(4 * i)));
    for (const axis of [0, 1, 2]) sums[at][axis] += data[4 * i + axis];
    sums[at][3] += 1;
  }
  const palette = sums.flatMap(([red, green, blue, n]) => [red, green, blue].map((sum) => Math.round(sum / n)));
  let text = "";
  for (let i = 0; i < pixels; i += 8192) text += String.fromCharCode(...indices.subarray(i, i + 8192));
  return { width: image.width, height: image.height, palette, pixels: btoa(text) };
}
