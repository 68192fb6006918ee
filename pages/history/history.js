// Undo and Redo. Every press is numbered, so that none is lost while the page is busy; they go to Python as `pressed`.

const KEPT = 32;  // presses are told together: the page may see but the last of several tellings

class History {
  constructor(root) {
    this.root = root;
    this.load = Math.random().toString(36).slice(2);
    this.acts = [];
    this.count = 0;
    this.ears = new AbortController();
    root.addEventListener("click", (event) => this.press(event.target.closest("[data-do]")), { signal: this.ears.signal });
    document.addEventListener("keydown", (event) => this.onKey(event), { signal: this.ears.signal });
  }

  update({ undo, redo }, tell) {
    this.tell = tell;
    for (const [name, can] of Object.entries({ undo, redo })) this.button(name).disabled = !can;
  }

  button(name) { return this.root.querySelector(`[data-do=${name}]`); }

  press(button) {
    if (!button || button.disabled) return;
    this.acts = [...this.acts, button.dataset.do].slice(-KEPT);
    this.count += 1;
    this.button(button.dataset.do === "undo" ? "redo" : "undo").disabled = false;
    this.tell("pressed", { load: this.load, acts: this.acts, count: this.count });
  }

  onKey(event) {
    const typing = event.composedPath()[0].matches?.("input:not([type=range]):not([type=checkbox]):not([type=radio]), textarea");
    if (!(event.ctrlKey || event.metaKey) || event.altKey || typing) return;
    const key = event.key.toLowerCase(), redo = key === "y" || (key === "z" && event.shiftKey);
    if (key !== "z" && key !== "y") return;
    event.preventDefault();
    this.press(this.button(redo ? "redo" : "undo"));
  }
}

const open = new WeakMap();  // root -> its History

export default function ({ parentElement, data, setStateValue }) {
  const root = parentElement.querySelector(".history");
  if (!open.has(root)) open.set(root, new History(root));
  open.get(root).update(data, setStateValue);
  return () => { open.get(root)?.ears.abort(); open.delete(root); };
}
