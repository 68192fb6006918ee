// streamlit-drawable-canvas, which is given nothing new to show while a hand draws on it.
//
// A drawing has a turn: the page raises it when what is kept changes. A new turn is loaded once the hand is
// still and the canvas has told of its last stroke; until then strokes go on, on what was loaded. What is told
// names the load, the frame and the part of it that the strokes were drawn on.
//
// Clicks and boxes are taken by a sheet over the canvas and told at once, in pixels of the frame.
const { default: canvas } = await import(new URL("SOURCE", location.origin).href);
const STILL_MS = 250; // the canvas tells of a stroke 200 ms after its end
const LOAD_MS = 300; // a load that does not say when it is over
const LOADS = 8; // are told together: the page may see but the last of several tellings
const CLICKS = 16; // likewise
const SLIP_PX = 8; // a finger that moves more does not click but scrolls
const LOST_MS = 4000; // after which a frame that was asked for is not waited for any more
const LARGEST = 1.5; // times its own size the canvas is shown
const HELD = ["mousedown", "mousemove", "mouseup", "touchstart", "touchmove", "touchend"];
const POINTS = ["Click", "Box"];
const places = new WeakMap();

const points = (place) => POINTS.includes(place.newest?.data.tool);

function begin(parentElement) {
  const place = { down: false, moved: -Infinity, listeners: new AbortController(), held: [], told: [], said: [], asked: null };
  place.root = parentElement.querySelector(".place");
  place.sheet = parentElement.querySelector(".over");
  const options = { capture: true, passive: false, signal: place.listeners.signal };
  const hold = (event) => {
    const path = event.composedPath();
    if (!place.loading || !(place.held.length || path.includes(parentElement))) return;
    event.stopImmediatePropagation();
    place.held.push([path[0], event]);
  };
  for (const type of HELD) window.addEventListener(type, hold, options);
  const lift = () => {
    if (!place.down) return;
    place.down = false;
    place.moved = performance.now();
    update(place);
  };
  parentElement.addEventListener("pointerdown", () => (place.down = !points(place)), options);
  window.addEventListener("pointerup", lift, options);
  window.addEventListener("pointercancel", lift, options);
  window.addEventListener("vos-frame", ({ detail }) => wait(place, detail), options);
  window.addEventListener("keydown", zoomByKeys, options);
  takeClicks(place, options);
  keepFitting(place, parentElement, options);
  places.set(parentElement, place);
  return place;
}

// While a drawing loads, what the hand does is held back; then it happens to what was loaded.
function loaded(place) {
  clearTimeout(place.loading);
  place.loading = 0;
  for (const [target, event] of place.held.splice(0)) target.dispatchEvent(new event.constructor(event.type, event));
}

// While another frame was asked for and is not here yet, the canvas takes nothing.
function wait(place, frame) {
  clearTimeout(place.lost);
  place.asked = frame;
  const waits = frame !== null && frame !== place.newest.data.frame;
  place.root.classList.toggle("waits", waits);
  if (waits) place.lost = setTimeout(wait, LOST_MS, place, null);
  else place.asked = null;
}

// The keys + and - do what the buttons do; Streamlit's own shortcuts know no signs.
function zoomByKeys(event) {
  const name = { "+": "in", "=": "in", "-": "out" }[event.key];
  if (!name || event.ctrlKey || event.metaKey || event.composedPath()[0].matches?.("input, textarea")) return;
  document.querySelector(`.st-key-zoom_${name} button:not(:disabled)`)?.click();
}

// The canvas is as large as the column is wide and the window is high, less what stands under it.
function keepFitting(place, parentElement, { signal }) {
  const host = parentElement.getRootNode().host ?? parentElement;
  const column = host.closest(".st-key-canvas") ?? host.parentElement;
  place.fit = () => {
    const { canvasWidth, canvasHeight } = place.newest.data;
    const main = document.querySelector("[data-testid=stMain]");
    const top = column.getBoundingClientRect().top + (main?.scrollTop ?? 0);
    const under = document.querySelector(".st-key-under")?.offsetHeight ?? 90;
    const bar = document.querySelector("[data-testid=stBottom]")?.offsetHeight ?? 80;
    const high = Math.max(240, innerHeight - top - under - bar - 28);
    const zoom = Math.min(column.clientWidth / canvasWidth, high / canvasHeight, LARGEST);
    if (zoom > 0 && Math.abs(zoom - (place.zoom ?? 0)) > 0.002) place.root.style.zoom = place.zoom = zoom;
  };
  place.watch = new ResizeObserver(() => place.newest && place.fit());
  place.watch.observe(column);
  for (const query of [".st-key-under", "[data-testid=stBottom]"]) {
    const other = document.querySelector(query);
    if (other) place.watch.observe(other);
  }
  window.addEventListener("resize", () => place.fit(), { signal });
  signal.addEventListener("abort", () => place.watch.disconnect());
}

function takeClicks(place, options) {
  const { sheet } = place;
  const at = (event) => {
    const box = sheet.getBoundingClientRect(), [left, top, width, height] = place.region;
    const share = (here, from, side) => Math.min(Math.max((here - from) / side, 0), 1 - 1e-6);
    return [left + width * share(event.clientX, box.left, box.width), top + height * share(event.clientY, box.top, box.height)];
  };
  const say = (what) => {
    const id = Math.random().toString(36).slice(2);
    place.said = [...place.said, { id, frame: place.frame, object: place.newest.data.object, ...what }].slice(-CLICKS);
    place.newest.setStateValue("said", { said: place.said });
    dots(place);
  };
  const end = () => { place.from = place.box = null; dots(place); };
  const on = (type, act) => sheet.addEventListener(type, act, options);
  on("contextmenu", (event) => event.preventDefault());
  on("pointerdown", (event) => {
    if (!event.isPrimary || event.button === 1) return;
    if (event.pointerType === "mouse") event.preventDefault();
    sheet.setPointerCapture(event.pointerId);
    place.from = { at: at(event), x: event.clientX, y: event.clientY, id: event.pointerId };
  });
  on("pointermove", (event) => {
    if (place.from?.id !== event.pointerId || place.newest.data.tool !== "Box") return;
    place.box = [...place.from.at, ...at(event)];
    dots(place);
  });
  on("pointerup", (event) => {
    const { from } = place, { data } = place.newest;
    if (from?.id !== event.pointerId) return;
    const slipped = Math.hypot(event.clientX - from.x, event.clientY - from.y) > SLIP_PX;
    const away = data.away || event.button === 2 || event.shiftKey || event.altKey || event.ctrlKey;
    if (data.tool === "Box" && slipped) say({ box: [...from.at, ...at(event)] });
    else if (data.tool === "Click" && !slipped) say({ point: from.at, positive: !away });
    end();
  });
  on("pointercancel", end);
}

// Dots where was clicked, full and with a plus on the object, hollow with a minus beside it.
function dots(place) {
  const { sheet, newest: { data }, region: [left, top, width, height] } = place;
  const [right, down] = [data.canvasWidth / width, data.canvasHeight / height], r = 7 / (place.zoom || 1);
  const known = data.frame === place.frame;
  const waiting = place.said.filter((one) => !data.heard.includes(one.id) && one.frame === place.frame);
  const clicks = [...(known ? data.points : []), ...waiting.filter((one) => one.point).map((one) => [...one.point, one.positive])];
  const boxes = [place.box, ...waiting.map((one) => one.box), known && data.box].filter(Boolean).slice(0, 1);
  const shapes = boxes.map(([x1, y1, x2, y2]) =>
    `<rect x="${(Math.min(x1, x2) - left) * right}" y="${(Math.min(y1, y2) - top) * down}" width="${Math.abs(x2 - x1) * right}"
      height="${Math.abs(y2 - y1) * down}" fill="none" stroke="${data.colour}" stroke-width="${2 / (place.zoom || 1)}" stroke-dasharray="6 4"/>`);
  for (const [x, y, positive] of clicks) {
    const [cx, cy] = [(x - left) * right, (y - top) * down];
    if (cx < 0 || cy < 0 || cx > data.canvasWidth || cy > data.canvasHeight) continue;
    shapes.push(`<g class="dot" stroke-width="${r / 3}" stroke="#fff"><circle cx="${cx}" cy="${cy}" r="${r}" fill="${positive ? data.colour : "#222"}"/>
      <path d="M${cx - r / 2} ${cy}h${r}${positive ? `M${cx} ${cy - r / 2}v${r}` : ""}"/></g>`);
  }
  sheet.setAttribute("viewBox", `0 0 ${data.canvasWidth} ${data.canvasHeight}`);
  sheet.innerHTML = shapes.join("");
  sheet.classList.toggle("on", points(place));
  sheet.style.touchAction = data.tool === "Box" ? "none" : "manipulation";
}

function update(place) {
  clearTimeout(place.timer);
  const { data, setStateValue } = place.newest;
  if (place.load && data.turn !== place.turn) {
    const pause = place.moved + STILL_MS - performance.now();
    if (place.down) return;
    if (pause > 0) {
      place.timer = setTimeout(update, pause, place);
      return;
    }
  }
  if (data.turn !== place.turn) {
    if (place.load) {
      clearTimeout(place.loading);
      place.loading = setTimeout(loaded, LOAD_MS, place);
    }
    place.load = Math.random().toString(36).slice(2);
    place.turn = data.turn;
    place.frame = data.frame;
    place.region = data.region;
    place.initialDrawing = data.initialDrawing;
    place.background = data.backgroundImageURL;
  }
  if (place.asked !== null) wait(place, place.asked);
  const { load, frame, region, initialDrawing } = place;
  const tell = (name, value) => {
    const shapes = name === "drawing" ? value.raw.objects.filter(({ type }) => type !== "Image" && type !== "Circle") : [];
    if (shapes.length) {
      const others = place.told.filter((told) => told.load !== load);
      place.told = [...others, { load, frame, region, shapes }].slice(-LOADS);
      setStateValue("drawing", { told: place.told });
    } else if (name === "drawing" && place.loading && load === place.load) queueMicrotask(() => loaded(place));
  };
  const shown = { ...data, initialDrawing, backgroundImageURL: place.background };
  place.dispose = canvas({ ...place.newest, data: shown, setStateValue: tell });
  place.fit();
  dots(place);
}

export default (component) => {
  const { parentElement } = component;
  const place = places.get(parentElement) ?? begin(parentElement);
  place.newest = component;
  update(place);
  return () => {
    clearTimeout(place.timer);
    clearTimeout(place.loading);
    clearTimeout(place.lost);
    place.listeners.abort();
    place.dispose?.();
    places.delete(parentElement);
  };
};
