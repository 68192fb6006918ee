// The player: frame-exact, masks drawn over the film, confidence as the seek bar. The address bar keeps its frame.

const KEYS = { " ": "play", ArrowLeft: "back", ArrowRight: "next", Home: "first", End: "last", j: "reverse", k: "pause", l: "forward",
  n: "doubt", m: "mute", f: "full", c: "correct", ",": "back", ".": "next" };
const SETTLED_MS = 250;  // a frame that is looked at for so long goes into the address
const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

class Player {
  constructor(root, facts, masks, act) {
    Object.assign(this, { root, facts, masks, act, times: facts.times, frame: -1, wanted: null, asked: null, path: location.pathname });
    this.find = (query) => root.querySelector(query);
    this.video = this.find("video");
    this.painter = new Painter(this.find(".stage canvas"));
    this.painter.resize(masks.width, masks.height);
    this.offset = null;  // of the film's clock at frame 0
    this.look = { mode: "overlay", opacity: 0.5, outline: true, hidden: new Set(), only: 0,
      colours: new Map(facts.objects.map(({ id, colour }) => [id, rgb(colour)])) };
    this.find(".total").textContent = facts.times.length - 1;
    this.find("[data-do=doubt]").disabled = !facts.doubtful.length;
    this.find("[data-do=mute]").hidden = !facts.sound;
    this.listObjects();
    this.listen();
    this.video.src = facts.video;
  }

  // --- time ---

  indexAt(time) {
    // The last frame that begins at or before a time of the film's clock, in seconds.
    const times = this.times, at = time - (this.offset ?? 0) + 5e-4;
    let low = 0, high = times.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (times[middle] <= at) low = middle; else high = middle - 1;
    }
    return low;
  }

  middleOf(frame) {
    const end = frame + 1 < this.times.length ? this.times[frame + 1] : this.facts.end;
    return (this.times[frame] + end) / 2 + (this.offset ?? 0);
  }

  onFilm = (_, { mediaTime }) => {
    if (this.gone) return;
    if (this.offset === null) {  // the first frame that comes is frame 0: whatever waits for the clock goes on
      this.offset = mediaTime - this.times[0];
      if (this.wanted !== null) this.seek(this.wanted);
    }
    this.show(this.indexAt(mediaTime));
    this.video.requestVideoFrameCallback(this.onFilm);
  };

  seek(frame) {
    frame = Math.max(0, Math.min(this.times.length - 1, Math.round(frame)));
    if (Number.isNaN(frame)) return;
    this.wanted = frame;
    this.describe(frame);
    if (this.offset !== null && !this.video.seeking) this.video.currentTime = this.middleOf(frame);
  }

  onSeeked = () => {
    const reached = this.indexAt(this.video.currentTime);
    if (this.wanted !== null && reached !== this.wanted) { this.seek(this.wanted); return; }
    this.wanted = null;
    this.show(reached);
  };

  // --- what is seen ---

  async show(frame) {
    this.frame = frame;
    this.describe(frame);
    this.draw(frame);
    for (let next = frame + 1; next <= frame + 3 && next < this.masks.count; next++) this.masks.map(next).catch(() => {});
  }

  async draw(frame = this.frame) {
    if (this.video.readyState < 2 || frame < 0) return;
    let map = null;
    try {
      map = frame < this.masks.count ? await this.masks.map(frame) : null;
    } catch (error) { this.say(error.message); }
    if (this.gone || frame !== this.frame) return;
    const { width, height } = this.masks, { videoWidth, videoHeight } = this.video;
    const padded = Math.abs(videoWidth - width) < 2 && Math.abs(videoHeight - height) < 2;
    this.painter.paint(this.video, padded ? { width, height } : { width: videoWidth, height: videoHeight }, map, width, this.look);
    this.root.dataset.drawn = frame;
    if (map) this.say("");
  }

  describe(frame) {
    this.root.dataset.frame = frame;
    const active = this.root.getRootNode().activeElement;
    for (const [name, text] of [["frame", frame], ["time", this.times[frame].toFixed(3)]]) {
      const field = this.find(`input.${name}`);
      if (field !== active) field.value = text;
    }
    const bar = this.find(".bar"), sure = this.facts.confidence[frame];
    const words = sure == null ? "" : `, confidence ${Math.round(100 * sure)} percent`;
    Object.entries({ valuenow: frame, valuemin: 0, valuemax: this.times.length - 1, valuetext: `frame ${frame} of ${this.times.length - 1}${words}` })
      .forEach(([name, value]) => bar.setAttribute(`aria-${name}`, value));
    this.drawBar(frame);
    clearTimeout(this.settling);
    if (this.video.paused) this.settling = setTimeout(() => this.report(frame), SETTLED_MS);
  }

  report(frame) {
    if (this.gone || frame === this.asked || this.video.seeking || location.pathname !== this.path) return;
    this.asked = frame;
    history.replaceState(history.state, "", this.address(frame));
  }

  address(frame) {
    const url = new URL(location.href);
    url.searchParams.set("frame", frame);
    return url.href;
  }

  say(text) { this.find(".wait").textContent = text; }

  drawBar(frame) {
    const canvas = this.find(".bar canvas"), ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth, height = canvas.clientHeight, count = this.times.length;
    if (!width) return;
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio), canvas.height = Math.round(height * ratio);
    const ink = canvas.getContext("2d"), style = getComputedStyle(this.root), x = (at) => (at + 0.5) * width / count;
    ink.setTransform(ratio, 0, 0, ratio, 0, 0);
    ink.clearRect(0, 0, width, height);
    ink.fillStyle = "rgba(230, 60, 30, .35)";
    for (const [from, to] of this.facts.doubtful) ink.fillRect(x(from - 0.5), 0, Math.max(2, (to - from + 1) * width / count), height);
    ink.strokeStyle = style.getPropertyValue("--st-primary-color") || "#c2185b";
    ink.lineWidth = 1.5;
    ink.beginPath();
    let drawing = false;
    this.facts.confidence.forEach((sure, at) => {
      if (sure == null) { drawing = false; return; }
      ink[drawing ? "lineTo" : "moveTo"](x(at), height - 3 - sure * (height - 8));
      drawing = true;
    });
    ink.stroke();
    ink.fillStyle = style.color;
    for (const at of this.facts.prompts) {
      ink.beginPath();
      for (const [dx, dy] of [[0, -6], [5, 0], [0, 6], [-5, 0]]) ink.lineTo(x(at) + dx, 8 + dy);
      ink.fill();
    }
    ink.fillRect(x(frame) - 1, 0, 2, height);
  }

  listObjects() {
    const list = this.find(".objects");
    for (const { id, name, colour } of this.facts.objects) {
      const chip = document.createElement("span");
      chip.className = "object";
      const pick = Object.assign(document.createElement("input"), { type: "color", value: colour, ariaLabel: `Colour of ${name}` });
      const hide = Object.assign(document.createElement("button"), { textContent: name, title: `Show or hide ${name}` });
      const only = Object.assign(document.createElement("button"), { textContent: "only", ariaLabel: `Only ${name}` });
      pick.oninput = () => { this.look.colours.set(id, rgb(pick.value)); this.draw(); };
      hide.onclick = () => {
        this.look.hidden[this.look.hidden.has(id) ? "delete" : "add"](id);
        chip.classList.toggle("hidden", this.look.hidden.has(id));
        this.draw();
      };
      only.onclick = () => {
        this.look.only = this.look.only === id ? 0 : id;
        list.querySelectorAll("[data-only]").forEach((other) => other.setAttribute("aria-pressed", +other.dataset.only === this.look.only));
        this.draw();
      };
      only.dataset.only = id;
      chip.append(pick, hide, ...(this.facts.objects.length > 1 ? [only] : []));
      list.append(chip);
    }
  }

  // --- what the person does ---

  listen() {
    const { video, root } = this, on = (target, kind, act) => target.addEventListener(kind, act, { signal: this.ears.signal });
    this.ears = new AbortController();
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(this.onFilm);
    else on(video, "timeupdate", () => { this.offset ??= 0; this.show(this.indexAt(video.currentTime)); });
    on(video, "seeked", this.onSeeked);
    on(video, "loadeddata", () => setTimeout(() => {  // browsers that tell of no frame of a film at rest
      if (this.offset === null) this.onFilm(0, { mediaTime: video.currentTime });
    }, 500));
    on(video, "error", () => this.say("This video cannot be played here."));
    for (const kind of ["play", "pause", "ended"]) on(video, kind, () => this.onState());
    on(root, "click", (event) => { const action = event.target.closest("[data-do]")?.dataset.do; if (action) this[action](); });
    on(this.find(".stage canvas"), "click", () => this.play());
    on(this.find(".speed"), "change", (event) => { video.playbackRate = +event.target.value; });
    on(this.find(".mode"), "change", (event) => { this.look.mode = event.target.value; this.draw(); });
    on(this.find(".opacity"), "input", (event) => { this.look.opacity = event.target.value / 100; this.draw(); });
    on(this.find(".outline"), "change", (event) => { this.look.outline = event.target.checked; this.draw(); });
    on(this.find("input.frame"), "change", (event) => this.go(+event.target.value));
    on(this.find("input.time"), "change", (event) => this.go(this.indexAt(+event.target.value + (this.offset ?? 0))));
    const bar = this.find(".bar"), drag = (event) => {
      const box = bar.getBoundingClientRect();
      this.go(Math.floor((event.clientX - box.left) / box.width * this.times.length));
    };
    on(bar, "pointerdown", (event) => { bar.setPointerCapture(event.pointerId); drag(event); });
    on(bar, "pointermove", (event) => { if (bar.hasPointerCapture(event.pointerId)) drag(event); });
    on(document, "keydown", (event) => this.onKey(event));
    this.watch = new ResizeObserver(() => this.drawBar(Math.max(0, this.frame)));
    this.watch.observe(bar);
  }

  onKey(event) {
    const focus = event.composedPath()[0], free = focus === document.body || this.root.contains(focus);
    const typing = focus.matches?.("input:not([type=range]):not([type=checkbox]):not([type=color]), textarea, select");
    const action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!free || typing || !action || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " " && focus.matches?.("button")) return;  // the button's own key
    if (focus.matches?.("input[type=range]") && event.key.startsWith("Arrow")) return;
    event.preventDefault();
    event.stopPropagation();
    this[action]();
  }

  onState() {
    const button = this.find("[data-do=play]");
    button.classList.toggle("playing", !this.video.paused);
    button.setAttribute("aria-label", this.video.paused ? "Play" : "Pause");
    if (this.video.paused && this.frame >= 0) this.describe(this.frame);
  }

  stop() { clearInterval(this.backwards); this.backwards = 0; this.video.pause(); }
  go(frame) { this.stop(); this.seek(frame); }
  at() { return this.wanted ?? Math.max(0, this.frame); }
  first() { this.go(0); }
  last() { this.go(this.times.length - 1); }
  back() { this.go(this.at() - 1); }
  next() { this.go(this.at() + 1); }
  pause() { this.stop(); }
  play() { if (this.video.paused && !this.backwards) this.video.play().catch((error) => this.say(error.message)); else this.stop(); }
  mute() { this.video.muted = !this.video.muted; this.find("[data-do=mute]").setAttribute("aria-pressed", !this.video.muted); }
  full() { if (document.fullscreenElement) document.exitFullscreen(); else this.find(".stage").requestFullscreen?.(); }

  forward() {
    if (!this.video.paused) this.setSpeed(Math.min(2, this.video.playbackRate * 2));
    else { this.stop(); this.play(); }
  }

  setSpeed(speed) {
    this.video.playbackRate = speed;
    this.find(".speed").value = String(speed);
  }

  reverse() {
    this.stop();
    const step = () => { if (this.at() === 0) this.stop(); else if (!this.video.seeking) this.seek(this.at() - 1); };
    this.backwards = setInterval(step, 1000 * (this.facts.end - this.times[0]) / this.times.length / this.video.playbackRate);
  }

  doubt() {
    const starts = this.facts.doubtful.map(([from]) => from), next = starts.find((from) => from > this.at()) ?? starts[0];
    if (next !== undefined) this.go(next);
  }

  correct() {
    const button = this.find("[data-do=correct]");
    if (button.disabled) return;
    button.disabled = true;  // a second click says nothing new; the first leads away from here
    setTimeout(() => { button.disabled = false; }, 5000);
    this.stop();
    this.act("correct", this.at());
  }

  async link() {
    const button = this.find("[data-do=link]"), link = this.address(this.at()), words = button.textContent;
    try {
      await navigator.clipboard.writeText(link);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = words; }, 2000);
    } catch { window.prompt("The link", link); }
  }

  come(frame) {
    // Go to the frame that the page's address names, unless it is the one that was written there.
    if (frame === this.asked) return;
    this.asked = frame;
    this.go(frame);
  }

  close() {
    this.gone = true;
    this.ears.abort();
    this.watch.disconnect();
    clearInterval(this.backwards);
    clearTimeout(this.settling);
    this.video.removeAttribute("src");
    this.video.load();
  }
}

const players = new WeakMap();  // root -> {url, data, player}

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".player");
  const now = players.get(root)?.url === data.url ? players.get(root) : { url: data.url, player: null };
  now.data = data;
  now.obey = () => {
    const { player, data: { frame, finish, may_correct } } = now;
    if (player.masks.setFinish(finish)) player.draw();
    player.find("[data-do=correct]").hidden = !may_correct;
    player.come(frame);
  };
  if (players.get(root) === now) {
    if (now.player) now.obey();
    return now.leave;
  }
  players.get(root)?.leave();
  now.leave = () => { now.gone = true; now.player?.close(); players.delete(root); };
  players.set(root, now);
  const say = (error) => { root.querySelector(".wait").textContent = error.message; };
  fetch(data.url).then(async (answer) => {
    if (!answer.ok) throw new Error("This result is not there any more.");
    const facts = await answer.json();
    const masks = await new MaskFile(facts.masks, facts.finished).open();
    if (now.gone) return;
    now.player = new Player(root, facts, masks, setTriggerValue);
    for (const name of ["correct", "link"]) now.player.find(`[data-do=${name}]`).disabled = false;
    now.obey();
  }).catch(say);
  return now.leave;
}
