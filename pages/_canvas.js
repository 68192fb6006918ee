// streamlit-drawable-canvas, which is given nothing new to show while a hand draws on it.
//
// A drawing has a turn: the page raises it when what is kept changes. A new turn is loaded once the hand is
// still and the canvas has told of its last stroke; until then strokes go on, on what was loaded. What is told
// names the load and the frame that the strokes were drawn on.
const { default: canvas } = await import(new URL("SOURCE", location.origin).href);
const STILL_MS = 250; // the canvas tells of a stroke 200 ms after its end
const LOAD_MS = 300; // a load that does not say when it is over
const LOADS = 8; // are told together: the page may see but the last of several tellings
const HELD = ["mousedown", "mousemove", "mouseup", "touchstart", "touchmove", "touchend"];
const places = new WeakMap();

function begin(parentElement) {
  const place = { down: false, moved: -Infinity, listeners: new AbortController(), held: [], told: [] };
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
  parentElement.addEventListener("pointerdown", () => (place.down = true), options);
  window.addEventListener("pointerup", lift, options);
  window.addEventListener("pointercancel", lift, options);
  places.set(parentElement, place);
  return place;
}

// While a drawing loads, what the hand does is held back; then it happens to what was loaded.
function loaded(place) {
  clearTimeout(place.loading);
  place.loading = 0;
  for (const [target, event] of place.held.splice(0)) target.dispatchEvent(new event.constructor(event.type, event));
}

function update(place) {
  clearTimeout(place.timer);
  const { data, setStateValue } = place.newest;
  if (place.load && data.turn !== place.turn) {
    const wait = place.moved + STILL_MS - performance.now();
    if (place.down) return;
    if (wait > 0) {
      place.timer = setTimeout(update, wait, place);
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
    place.initialDrawing = data.initialDrawing;
  }
  const { load, frame, initialDrawing } = place;
  const tell = (name, value) => {
    const shapes = name === "drawing" ? value.raw.objects.filter((shape) => shape.type !== "Image") : [];
    if (shapes.length) {
      const others = place.told.filter((told) => told.load !== load);
      place.told = [...others, { load, frame, shapes }].slice(-LOADS);
      setStateValue("drawing", { told: place.told });
    } else if (name === "drawing" && place.loading && load === place.load) queueMicrotask(() => loaded(place));
  };
  place.dispose = canvas({ ...place.newest, data: { ...data, initialDrawing }, setStateValue: tell });
}

export default (component) => {
  const { parentElement } = component;
  const place = places.get(parentElement) ?? begin(parentElement);
  place.newest = component;
  update(place);
  return () => {
    clearTimeout(place.timer);
    clearTimeout(place.loading);
    place.listeners.abort();
    place.dispose?.();
    places.delete(parentElement);
  };
};
