// How a job goes, asked twice a second while it is in sight. Its end goes to Python once, as `over`.

const BEAT_MS = 500, AGAIN_MS = 4000;

class Watch {
  constructor(root, data, tell) {
    Object.assign(this, { root, data, tell, shown: 0 });
    this.find = (query) => root.querySelector(query);
    this.find(".line").hidden = !data.bar;
    if (data.still) this.picture(data.still);
    this.look();
  }

  picture(url) {
    const next = new Image();  // the old one stays until the new one is there
    next.onload = () => { if (!this.gone) Object.assign(this.find(".newest"), { src: url, hidden: false }); };
    next.src = url;
  }

  async look() {
    let wait = BEAT_MS;
    try {
      const answer = await fetch(this.data.url, { cache: "no-store" });
      if (this.gone) return;
      if (answer.ok) this.show(await answer.json()); else this.over();
    } catch {
      this.find(".text").textContent = "The dashboard does not answer; it is asked again.";
      wait = AGAIN_MS;
    }
    if (!this.gone && !this.ended) this.next = setTimeout(() => this.look(), wait);
  }

  show({ active, share, text, newest }) {
    if (this.data.bar) {
      this.find(".text").textContent = text;
      this.find(".done").style.width = `${100 * share}%`;
      this.find(".track").setAttribute("aria-valuenow", Math.round(100 * share));
    } else if (newest && newest !== this.shown) {
      this.shown = newest;
      this.picture(this.data.url.replace("progress.json", `newest.jpg?n=${newest}`));
    }
    if (!active) this.over();
  }

  over() {
    this.ended = true;
    if (!this.data.bar || this.gone) return;
    this.tell("over", true);
    this.next = setTimeout(() => this.over(), AGAIN_MS);  // should the first have been lost
  }

  close() {
    this.gone = true;
    clearTimeout(this.next);
  }
}

const watches = new WeakMap();  // root -> its Watch

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".job"), old = watches.get(root);
  if (old && old.data.url === data.url) {
    old.tell = setTriggerValue;
  } else {
    old?.close();
    watches.set(root, new Watch(root, data, setTriggerValue));
  }
  return () => { watches.get(root)?.close(); watches.delete(root); };
}
