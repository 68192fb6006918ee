// The whole frame, small: where the part that the canvas shows lies. `centre`, in shares of the sides, goes to Python.

const REST_MS = 120;
const STEPS = { ArrowLeft: [-0.5, 0], ArrowRight: [0.5, 0], ArrowUp: [0, -0.5], ArrowDown: [0, 0.5] };  // of the part's sides

class Overview {
  constructor(root) {
    this.root = root;
    const at = (event) => {
      const box = root.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    };
    root.addEventListener("pointerdown", (event) => { root.setPointerCapture(event.pointerId); this.held = true; this.go(...at(event)); });
    root.addEventListener("pointermove", (event) => { if (this.held) this.go(...at(event)); });
    for (const end of ["pointerup", "pointercancel"]) root.addEventListener(end, () => { this.held = false; this.send(); });
    root.addEventListener("keydown", (event) => {
      if (!STEPS[event.key]) return;
      event.preventDefault();
      event.stopPropagation();
      const [x, y, wide, high] = this.part, [right, down] = STEPS[event.key];
      this.go(x + wide / 2 + right * wide, y + high / 2 + down * high);
    });
  }

  update(data, tell) {
    Object.assign(this, { data, tell });
    const image = this.root.querySelector("img");
    this.root.style.aspectRatio = data.ratio;
    this.root.style.width = `min(100%, calc(9rem * ${data.ratio}))`;  // known before the picture is there
    if (image.getAttribute("src") !== data.picture) image.src = data.picture;
    if (!this.held && !this.resting) this.place(data.part);
  }

  place(part) {
    this.part = part;
    const [x, y, wide, high] = part.map((share) => `${100 * share}%`);
    Object.assign(this.root.querySelector(".part").style, { left: x, top: y, width: wide, height: high });
  }

  go(x, y) {
    const [, , wide, high] = this.part, within = (middle, side) => Math.min(Math.max(middle - side / 2, 0), 1 - side);
    this.place([within(x, wide), within(y, high), wide, high]);
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.send(), REST_MS);
  }

  send() {
    clearTimeout(this.resting);
    this.resting = 0;
    const [x, y, wide, high] = this.part;
    this.tell("centre", [x + wide / 2, y + high / 2]);
  }
}

const views = new WeakMap();  // root -> Overview

export default function ({ parentElement, data, setStateValue }) {
  const root = parentElement.querySelector(".overview");
  if (!views.has(root)) views.set(root, new Overview(root));
  views.get(root).update(data, setStateValue);
  return () => { clearTimeout(views.get(root)?.resting); };
}
