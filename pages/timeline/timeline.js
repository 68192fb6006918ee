// The timeline under the canvas: where one is, the prompts as diamonds, what is to be tracked. `frame` and `span` go to Python.

const KEYS = { ArrowLeft: "back", ArrowRight: "next", Home: "first", End: "last", PageUp: "before", PageDown: "after",
  i: "markIn", o: "markOut", ",": "back", ".": "next" };
const PEEK_MS = 120, REST_MS = 160;  // a key that is held down moves the mark; the page follows when it rests

class Timeline {
  constructor(root) {
    this.root = root;
    this.ears = new AbortController();
    this.find = (query) => root.querySelector(query);
    const on = (target, kind, act) => target.addEventListener(kind, act, { signal: this.ears.signal });
    const bar = this.find(".bar");
    on(root, "click", (event) => { const action = event.target.closest("[data-do]")?.dataset.do; if (action) this[action](); });
    on(bar, "pointerdown", (event) => { bar.setPointerCapture(event.pointerId); this.drag(event); });
    on(bar, "pointermove", (event) => { if (bar.hasPointerCapture(event.pointerId)) this.drag(event); });
    on(bar, "pointerup", () => { this.find(".peek").hidden = true; this.send(); });
    on(this.find(".frame"), "change", (event) => this.go(+event.target.value));
    on(document, "keydown", (event) => this.onKey(event));
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(bar);
  }

  update(data, tell) {
    const moved = data.frame !== this.data?.frame || data.clip !== this.data?.clip;
    Object.assign(this, { data, tell });
    if (moved || this.frame === undefined) { this.frame = data.frame; this.sent = data.frame; }
    this.find(".total").textContent = data.frames - 1;
    this.draw();
  }

  drag(event) {
    const box = this.find(".bar").getBoundingClientRect();
    this.move(Math.floor((event.clientX - box.left) / box.width * this.data.frames));
    const peek = this.find(".peek");
    peek.style.left = `${Math.max(80, Math.min(box.width - 80, event.clientX - box.left))}px`;
    clearTimeout(this.peeking);
    this.peeking = setTimeout(() => { peek.src = `${this.data.pictures}/${this.frame}.jpg?width=320`; }, PEEK_MS);
    peek.onload = () => { peek.hidden = !this.find(".bar").matches(":active"); };
  }

  move(frame) {
    if (Number.isNaN(frame)) return;
    this.frame = Math.max(0, Math.min(this.data.frames - 1, Math.round(frame)));
    this.draw();
    window.dispatchEvent(new CustomEvent("vos-frame", { detail: this.frame }));  // the canvas waits for it
  }

  go(frame) {
    this.move(frame);
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.send(), REST_MS);
  }

  send() {
    clearTimeout(this.resting);
    if (this.frame === this.sent) return;
    this.sent = this.frame;
    this.tell("frame", this.frame);
  }

  mark(from, to) {
    const whole = from <= 0 && to >= this.data.frames - 1;
    this.data = { ...this.data, span: whole ? null : [Math.min(from, to), Math.max(from, to)] };
    this.draw();
    this.tell("span", this.data.span);
  }

  get span() { return this.data.span ?? [0, this.data.frames - 1]; }
  first() { this.go(0); }
  last() { this.go(this.data.frames - 1); }
  back() { this.go(this.frame - 1); }
  next() { this.go(this.frame + 1); }
  before() { const at = this.data.prompts.filter((p) => p < this.frame).pop(); if (at !== undefined) this.go(at); }
  after() { const at = this.data.prompts.find((p) => p > this.frame); if (at !== undefined) this.go(at); }
  markIn() { this.mark(this.frame, Math.max(this.frame, this.span[1])); }
  markOut() { this.mark(Math.min(this.frame, this.span[0]), this.frame); }
  clear() { this.mark(0, this.data.frames - 1); }

  onKey(event) {
    const focus = event.composedPath()[0], action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    const free = focus === document.body || this.root.contains(focus) || focus.matches?.("canvas, button:not([role=radio])");
    if (!action || !free || focus.matches?.("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this[action]();
  }

  draw() {
    const canvas = this.find("canvas"), ratio = window.devicePixelRatio || 1, { data } = this;
    const width = canvas.clientWidth, height = canvas.clientHeight;
    if (!data || !width) return;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const ink = canvas.getContext("2d"), style = getComputedStyle(this.root), x = (at) => (at + 0.5) * width / data.frames;
    const colour = style.getPropertyValue("--st-primary-color") || "#c2185b";
    ink.setTransform(ratio, 0, 0, ratio, 0, 0);
    const [from, to] = this.span;
    ink.globalAlpha = 0.25;
    ink.fillStyle = colour;
    ink.fillRect(x(from - 0.5), height - 8, x(to + 0.5) - x(from - 0.5), 8);
    ink.globalAlpha = 1;
    if (data.span) for (const [at, way] of [[x(from - 0.5), 6], [x(to + 0.5), -6]]) {
      ink.fillRect(at - 1, 4, 2, height - 4);
      ink.beginPath(); ink.moveTo(at, 4); ink.lineTo(at + way, 4); ink.lineTo(at, 12); ink.fill();
    }
    for (const at of data.prompts) {
      ink.beginPath();
      for (const [dx, dy] of [[0, -7], [6, 0], [0, 7], [-6, 0]]) ink.lineTo(x(at) + dx, height / 2 - 3 + dy);
      ink.fill();
    }
    ink.fillStyle = style.color;
    ink.fillRect(x(this.frame) - 1, 0, 2, height);
    this.describe();
  }

  describe() {
    const { data, frame } = this, bar = this.find(".bar"), field = this.find(".frame");
    if (field !== this.root.getRootNode().activeElement) field.value = frame;
    Object.entries({ valuenow: frame, valuemin: 0, valuemax: data.frames - 1 }).forEach(([name, value]) => bar.setAttribute(`aria-${name}`, value));
    this.find(".time").textContent = `${(frame / data.fps).toFixed(2)} s`;
    this.find(".said").textContent = data.span ? `${data.span[0]} to ${data.span[1]}` : "";
    this.find("[data-do=clear]").disabled = !data.span;
    this.find("[data-do=before]").disabled = !data.prompts.some((p) => p < frame);
    this.find("[data-do=after]").disabled = !data.prompts.some((p) => p > frame);
  }

  close() { this.ears.abort(); this.watch.disconnect(); clearTimeout(this.resting); clearTimeout(this.peeking); }
}

const lines = new WeakMap();  // root -> Timeline

export default function ({ parentElement, data, setStateValue }) {
  const root = parentElement.querySelector(".timeline");
  if (!lines.has(root)) lines.set(root, new Timeline(root));
  lines.get(root).update(data, setStateValue);
  return () => { lines.get(root)?.close(); lines.delete(root); };
}
