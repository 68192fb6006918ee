// The objects: chosen by a click or the keys 1 to 9, named in place, hidden, removed. What is done goes to Python as `acts`.

const ACTS = 16;  // are told together: the page may see but the last of several tellings
const EYE = "M8 3C4 3 1.500 6 .5 8c1 2 3.500 5 7.500 5s6.500-3 7.500-5C14.500 6 12 3 8 3zm0 8a3 3 0 1 1 0-6 3 3 0 0 1 0 6z";
const SHUT = "M2 1 1 2l13 13 1-1zM8 3c-1 0-2 .2-2.800.5l1.600 1.600A3 3 0 0 1 11 9.200l2 2C14.300 10 15 8.900 15.500 8 14.500 6 12 3 8 3zM.5 8c1 2 3.500 5 7.500 5 .9 0 1.700-.1 2.400-.4L3.200 5.200C1.900 6.100 1 7.100.5 8z";
const BIN = "M6 1h4l1 1h3v2H2V2h3zM3 5h10l-.700 10H3.700z";

class Objects {
  constructor(root) {
    this.root = root;
    this.acts = [];
    this.ears = new AbortController();
    document.addEventListener("keydown", (event) => this.onKey(event), { signal: this.ears.signal });
  }

  update(data, tell) {
    Object.assign(this, { data, tell });
    const typing = this.root.getRootNode().activeElement?.closest?.("li")?.dataset.id;
    const kept = new Map([...this.root.children].map((row) => [row.dataset.id, row]));
    const rows = data.objects.map((object, at) => this.row(kept.get(`${object.id}`) ?? this.make(object), object, at, typing));
    if (rows.length !== this.root.children.length || rows.some((row, at) => row !== this.root.children[at])) this.root.replaceChildren(...rows);
  }

  make({ id }) {
    const row = document.createElement("li");
    row.dataset.id = id;
    row.setAttribute("role", "option");
    row.innerHTML = `<button class="dot"></button><input class="name" maxlength="60" aria-label="Its name" spellcheck="false">
      <button class="act hide"><svg viewBox="0 0 16 16" aria-hidden="true"><path/></svg></button>
      <button class="act remove"><svg viewBox="0 0 16 16" aria-hidden="true"><path d="${BIN}"/></svg></button><span class="area"></span>`;
    const find = (query) => row.querySelector(query), name = find("input");
    row.addEventListener("click", (event) => {
      if (event.target.closest(".hide")) this.act("hide", id);
      else if (event.target.closest(".remove")) this.act("remove", id);
      else if (this.data.chosen !== id) this.act("choose", id);
    });
    name.addEventListener("change", () => this.act("rename", id, { name: name.value }));
    name.addEventListener("keydown", (event) => { if (event.key === "Enter") name.blur(); });
    return row;
  }

  row(row, { id, name, colour, area, hidden }, at, typing) {
    const find = (query) => row.querySelector(query), chosen = this.data.chosen === id;
    row.className = `${chosen ? "chosen" : ""} ${hidden ? "hidden" : ""}`;
    row.style.setProperty("--colour", colour);
    row.setAttribute("aria-selected", chosen);
    find(".dot").textContent = id;
    find(".dot").title = at < 9 ? `Choose ${name} (${at + 1})` : `Choose ${name}`;
    find(".dot").setAttribute("aria-label", `Choose ${name}`);
    if (typing !== `${id}`) find("input").value = name;
    find(".area").textContent = area;
    find(".hide path").setAttribute("d", hidden ? SHUT : EYE);
    find(".hide").title = hidden ? "Show" : "Hide on the picture";
    find(".hide").setAttribute("aria-label", `${hidden ? "Show" : "Hide"} ${name}`);
    find(".hide").setAttribute("aria-pressed", hidden);
    find(".remove").title = "Remove from all frames";
    find(".remove").setAttribute("aria-label", `Remove ${name}`);
    find(".remove").disabled = this.data.objects.length < 2;
    return row;
  }

  act(act, object, more = {}) {
    this.acts = [...this.acts, { id: Math.random().toString(36).slice(2), act, object, ...more }].slice(-ACTS);
    this.tell("acts", this.acts);
  }

  onKey(event) {
    const focus = event.composedPath()[0];
    if (event.ctrlKey || event.metaKey || event.altKey || focus.matches?.("input, textarea, select, [contenteditable]")) return;
    const object = /^[1-9]$/.test(event.key) && this.data.objects[+event.key - 1];
    if (object && object.id !== this.data.chosen) this.act("choose", object.id);
  }

  close() { this.ears.abort(); }
}

const lists = new WeakMap();  // root -> Objects

export default function ({ parentElement, data, setStateValue }) {
  const root = parentElement.querySelector(".objects");
  if (!lists.has(root)) lists.set(root, new Objects(root));
  lists.get(root).update(data, setStateValue);
  return () => { lists.get(root)?.close(); lists.delete(root); };
}
