// A frame and its label map on a canvas: overlay, cut-out, side by side, mask alone.

const MAX_SIDE = 1920;  // larger frames are shown smaller: every second or third pixel

class Painter {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.layer = document.createElement("canvas");
  }

  resize(width, height) {
    this.step = Math.max(1, Math.ceil(Math.max(width, height) / MAX_SIDE));
    this.width = Math.floor(width / this.step);
    this.height = Math.floor(height / this.step);
    this.layer.width = this.width;
    this.layer.height = this.height;
    this.ink = this.layer.getContext("2d");
    this.image = this.ink.createImageData(this.width, this.height);
    this.pixels = new Uint32Array(this.image.data.buffer);
  }

  // look: {mode, opacity 0..1, outline, colours: Map id -> [r, g, b], hidden: Set, only: id or 0}
  paint(video, crop, map, mapWidth, look) {
    const beside = look.mode === "beside" ? 2 : 1;
    const width = this.width * beside, height = this.height;
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const context = this.context, film = () => context.drawImage(video, 0, 0, crop.width, crop.height, 0, 0, this.width, height);
    context.globalCompositeOperation = "source-over";
    context.clearRect(0, 0, width, height);
    if (look.mode === "mask") {
      context.fillStyle = "#12141a";
      context.fillRect(0, 0, width, height);
    } else if (look.mode !== "cutout") film();
    if (beside === 2) context.drawImage(this.canvas, 0, 0, this.width, height, this.width, 0, this.width, height);
    if (!map || look.mode === "original") return;
    const solid = look.mode === "cutout" || look.mode === "mask";
    this.fill(map, mapWidth, solid ? { ...look, opacity: 1, outline: false } : look);
    context.drawImage(this.layer, (beside - 1) * this.width, 0);
    if (look.mode === "cutout") {
      context.globalCompositeOperation = "source-in";
      film();
      context.globalCompositeOperation = "source-over";
    }
  }

  fill(map, mapWidth, look) {
    const { pixels, width, step } = this, alpha = Math.round(255 * look.opacity);
    const tint = new Uint32Array(256), line = new Uint32Array(256);
    for (const [id, [red, green, blue]] of look.colours) {
      if (look.hidden.has(id) || (look.only && look.only !== id)) continue;
      const rgb = (blue << 16) | (green << 8) | red;
      tint[id] = ((alpha << 24) | rgb) >>> 0;
      line[id] = ((255 << 24) | rgb) >>> 0;
    }
    pixels.fill(0);
    const labels = map.labels, reach = Math.max(1, Math.round(Math.min(width, this.height) / 300)) * step;
    const last = Math.floor(labels.length / mapWidth) - 1;
    for (let y = Math.floor(map.top / step); y < Math.min(this.height, Math.ceil(map.bottom / step)); y++) {
      const row = y * step * mapWidth;
      const up = Math.max(0, y * step - reach) * mapWidth, down = Math.min(last, y * step + reach) * mapWidth;
      for (let x = 0; x < width; x++) {
        const column = x * step, id = labels[row + column];
        if (!id) continue;
        const left = Math.max(0, column - reach), right = Math.min(mapWidth - 1, column + reach);
        const border = look.outline && (labels[row + left] !== id || labels[row + right] !== id
          || labels[up + column] !== id || labels[down + column] !== id);
        pixels[y * width + x] = border ? line[id] : tint[id];
      }
    }
    this.ink.putImageData(this.image, 0, 0);
  }
}
